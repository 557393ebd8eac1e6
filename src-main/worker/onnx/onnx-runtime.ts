// The GraphRuntime port of core on onnxruntime-node. One session per graph shape; weights are fed, not copied
// (docs/graphs.md). A run blocks the event loop of this process: runs are kept to 50-100 ms.
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import { AppError } from '../../contract/errors.ts';
import type { GraphProvider } from '../../contract/worker-api.ts';
import type { BlockRunner, GraphRuntime, GraphTensor } from '../../core/graph/block-runner.ts';

/** onnxruntime's own version. */
export const onnxVersion: string = env.versions.node ?? env.versions.common;

export interface OnnxOptions {
  provider?: GraphProvider;
  threads: number;
}

/** Only warnings of the library that say a run is wrong: 3 = errors. */
const logSeverityLevel = 3;

/** Sessions fail where a node has no kernel on the provider, rather than run elsewhere in silence. */
function sessionOptions({ provider = 'cpu', threads }: OnnxOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    logSeverityLevel,
    extra: {
      session: {
        // Waiting threads that spin take the cores from OpenBLAS: mixed work took 1.4-1.6 times as long.
        intra_op: { allow_spinning: '0' },
        ...(provider === 'cpu' ? {} : { disable_cpu_ep_fallback: '1' }),
      },
    },
  };
}

/** A session of a model: its bytes, or the path of a file. @throws INTERNAL, DEVICE_UNAVAILABLE */
export async function openSession(model: Uint8Array | string, options: OnnxOptions): Promise<InferenceSession> {
  const { provider = 'cpu' } = options;
  // Two calls: the package's types have one form each.
  const session =
    typeof model === 'string'
      ? InferenceSession.create(model, sessionOptions(options))
      : InferenceSession.create(model, sessionOptions(options));
  return session.catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    const details = { provider, reason };
    if (provider === 'cpu') throw new AppError('INTERNAL', `onnxruntime makes no session: ${reason}`, details, error);
    const message = `onnxruntime cannot run on ${provider} here (${reason}). Use --device cpu to run on the processor.`;
    throw new AppError('DEVICE_UNAVAILABLE', message, details, error);
  });
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
      return Object.fromEntries(fetches.map(([name]) => [name, outputs[name]?.data ?? results[name]!.data])) as Record<
        string,
        Float32Array
      >;
    },
    dispose: () => session.release(),
  };
}

function tensorOf({ data, shape }: GraphTensor): Tensor {
  return data instanceof Float32Array ? new Tensor('float32', data, shape) : new Tensor('int64', data, shape);
}

/** What a run that threw is called. */
export function runFailure(error: unknown): AppError {
  const reason = error instanceof Error ? error.message : String(error);
  const code = /alloc|memory/i.test(reason) ? 'OUT_OF_MEMORY' : 'INTERNAL';
  return new AppError(code, `onnxruntime could not run a graph: ${reason}`, { reason }, error);
}
