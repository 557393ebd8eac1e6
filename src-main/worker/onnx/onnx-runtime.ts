// The GraphRuntime port of core on onnxruntime-node. One session per graph shape; weights are fed, not copied
// (docs/graphs.md). A run blocks the event loop of this process: runs are kept to 50-100 ms.
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import { AppError } from '../../contract/errors.ts';
import type { GraphProvider } from '../../contract/worker/device.ts';
import { GraphBuilder } from '../../core/graph/graph-builder.ts';
import type { BlockRunner, GraphRuntime, GraphTensor } from '../../core/graph/block-runner.ts';

/** onnxruntime's own version. */
export const onnxVersion: string = env.versions.node ?? env.versions.common;

export interface OnnxOptions {
  provider?: GraphProvider;
  threads: number;
  /** Nodes that run on the processor whatever the provider; with any, sizes and masks may too. @default none: all run on it */
  onProcessor?: readonly string[];
}

/** Only warnings of the library that say a run is wrong: 3 = errors. */
const logSeverityLevel = 3;

/** Sessions fail where a node has no kernel on the provider, rather than run elsewhere in silence. */
function sessionOptions({ provider = 'cpu', threads, onProcessor = [] }: OnnxOptions): InferenceSession.SessionOptions {
  const isStrict = provider !== 'cpu' && onProcessor.length === 0;
  return {
    // An empty list of names is refused.
    executionProviders: [
      provider === 'webgpu' && !isStrict ? { name: provider, forceCpuNodeNames: onProcessor } : provider,
    ],
    intraOpNumThreads: threads,
    logSeverityLevel,
    extra: {
      session: {
        // Waiting threads that spin take the cores from OpenBLAS: mixed work took 1.4-1.6 times as long.
        intra_op: { allow_spinning: '0' },
        ...(isStrict ? { disable_cpu_ep_fallback: '1' } : {}),
      },
    },
  };
}

/** A session of a model: its bytes, or the path of a file. @throws INTERNAL, DEVICE_UNAVAILABLE */
export async function openSession(model: Uint8Array | string, options: OnnxOptions): Promise<InferenceSession> {
  const { provider = 'cpu' } = options;
  return create(model, options).catch((error: unknown) => {
    const reason = reasonOf(error);
    const details = { provider, reason };
    if (provider === 'cpu') throw new AppError('INTERNAL', `onnxruntime makes no session: ${reason}`, details, error);
    const message = `onnxruntime cannot run on ${provider} here (${reason}). Use --device cpu to run on the processor.`;
    throw new AppError('DEVICE_UNAVAILABLE', message, details, error);
  });
}

async function create(model: Uint8Array | string, options: OnnxOptions): Promise<InferenceSession> {
  if (options.provider === 'webgpu') await (kept ??= keepDevice(options));
  // Two calls: the package's types have one form each.
  return typeof model === 'string'
    ? InferenceSession.create(model, sessionOptions(options))
    : InferenceSession.create(model, sessionOptions(options));
}

/**
 * With its last session onnxruntime drops WebGPU's device and every shader compiled for it. One session that stays keeps them
 * for all graphs of this process: a product on SwiftShader took 6.9 s and then 1.8 s, without it 11 s every time.
 */
let kept: Promise<InferenceSession> | null = null;

function keepDevice({ threads }: OnnxOptions): Promise<InferenceSession> {
  const g = new GraphBuilder('kept');
  g.output('y', g.relu(g.input('x', [1])), [1]);
  return InferenceSession.create(g.encode(), sessionOptions({ provider: 'webgpu', threads }));
}

/** A runtime on one provider. */
export function onnxRuntime(options: OnnxOptions): GraphRuntime {
  const { provider = 'cpu' } = options;
  return { provider, open: async (model) => runnerOf(await openSession(model, options)) };
}

function runnerOf(session: InferenceSession): BlockRunner {
  return {
    async run(feeds, outputs) {
      const fetches = Object.entries(outputs).map(([name, value]) => [name, value ? tensorOf(value) : null] as const);
      const inputs = Object.entries(feeds).map(([name, value]) => [name, tensorOf(value)] as const);
      const results = await session
        .run(Object.fromEntries(inputs), Object.fromEntries(fetches))
        .catch((error: unknown) => {
          throw runFailure(error);
        });
      // A pre-allocated array is filled, and the result holds a further copy, which is dropped here.
      return Object.fromEntries(fetches.map(([name]) => [name, floats(outputs[name]?.data ?? results[name]!.data)]));
    },
    dispose: () => session.release(),
  };
}

const floats = (data: Tensor.DataType): Float32Array =>
  data instanceof BigInt64Array ? Float32Array.from(data, Number) : (data as Float32Array);

function tensorOf({ data, shape }: GraphTensor): Tensor {
  return data instanceof Float32Array ? new Tensor('float32', data, shape) : new Tensor('int64', data, shape);
}

/** What a run that threw is called. */
export function runFailure(error: unknown): AppError {
  const reason = reasonOf(error);
  if (/requires f16/.test(reason)) {
    const message = `This GPU cannot read weights in F16 (${reason}). Use --device cpu, or a model in F32.`;
    return new AppError('DEVICE_UNAVAILABLE', message, { reason }, error);
  }
  const code = /alloc|memory/i.test(reason) ? 'OUT_OF_MEMORY' : 'INTERNAL';
  return new AppError(code, `onnxruntime could not run a graph: ${reason}`, { reason }, error);
}

/** The sentence of the library, without the place in its source that it begins with. */
const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .trim()
    .replace(/^\S*onnxruntime_src\S* .* was false\. /s, '');
