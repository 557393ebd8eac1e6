// Which of onnxruntime's providers run our graphs: CUDA, then WebGPU, then the processor. Each shows in a child of its own what
// it can do, because a driver may end or hang its process. What it showed holds for this engine: drivers and versions of
// packages do not change under it, and where CUDA's files are added it is asked again.
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProviderState } from '../../contract/devices.ts';
import { AppError } from '../../contract/errors.ts';
import type { DeviceName } from '../../contract/recipe.ts';
import type { GraphProvider, ProbedProvider, ProviderProbe } from '../../contract/worker/device.ts';
import type { Children, WorkerClient } from '../children.ts';
import { cudaAbsence, type OnnxPackage } from './cuda-files.ts';

/** In the order in which one is chosen. */
const candidates = ['cuda', 'webgpu'] as const satisfies ProbedProvider[];

/** A quick probe takes 0.2 s without a GPU and was never seen to take 10; a thorough one 22 s on SwiftShader (docs/devices.md), on a busy machine minutes. */
const limits = { quick: 60_000, thorough: 600_000 };

export interface Choice {
  provider: GraphProvider;
  /** Those before it that are there and do not work. */
  faulty: ProviderState[];
}

export interface ChoiceNeeds {
  signal: AbortSignal;
  /** Weights in F16 are read. */
  float16?: boolean;
}

type Limits = typeof limits;

export class Providers {
  readonly #children: Pick<Children, 'worker'>;
  readonly #onnx: OnnxPackage;
  readonly #limits: Limits;
  readonly #known = new Map<string, Promise<ProviderProbe>>();

  constructor(children: Pick<Children, 'worker'>, onnx: OnnxPackage, limitsMs: Limits = limits) {
    this.#children = children;
    this.#onnx = onnx;
    this.#limits = limitsMs;
  }

  /** The provider of a job. @throws DEVICE_UNAVAILABLE where the one that is named cannot be used; CANCELLED */
  async choose(device: DeviceName, { signal, float16 = false }: ChoiceNeeds): Promise<Choice> {
    if (device === 'cpu') return { provider: device, faulty: [] };
    if (device !== 'auto') return { provider: await this.#named(device, { signal, float16 }), faulty: [] };
    const faulty: ProviderState[] = [];
    for (const name of candidates) {
      const shown = await this.#shown(name, 'quick', signal);
      if (shown.state === 'auto' && (shown.hasFloat16 || !float16)) return { provider: name, faulty };
      if (shown.state === 'faulty') faulty.push({ name, ...shown });
    }
    return { provider: 'cpu', faulty };
  }

  async #named(name: ProbedProvider, { signal, float16 }: Required<ChoiceNeeds>): Promise<GraphProvider> {
    const { state, reason, hasFloat16 } = await this.#shown(name, 'thorough', signal);
    const isUsable = state === 'auto' || state === 'named';
    if (isUsable && (hasFloat16 || !float16)) return name;
    const why = isUsable ? 'its device has no F16, which the weights of this model are in' : reason;
    const message = `${name} cannot be used: ${why}. Use --device cpu to run on the processor.`;
    throw new AppError('DEVICE_UNAVAILABLE', message, { device: name, provider: name, reason: why });
  }

  /** What every provider showed, and which one is chosen by itself. */
  async list(signal: AbortSignal): Promise<{ providers: ProviderState[]; provider: GraphProvider }> {
    const providers: ProviderState[] = await Promise.all(
      candidates.map(async (name) => ({ name, ...(await this.#shown(name, 'quick', signal)) })),
    );
    const { provider } = await this.choose('auto', { signal });
    return { providers: [...providers, { name: 'cpu', ...processor }], provider };
  }

  /** Forgets what was shown. */
  forget(): void {
    this.#known.clear();
  }

  /** Asked once; a caller that gives up does not end the probe, others may wait for it. */
  async #shown(name: ProbedProvider, depth: keyof Limits, signal: AbortSignal): Promise<ProviderProbe> {
    const key = `${name} ${depth}`;
    const known = this.#known.get(`${name} thorough`) ?? this.#known.get(key) ?? this.#probe(name, depth);
    this.#known.set(key, known);
    return untilAborted(known, signal);
  }

  async #probe(provider: ProbedProvider, depth: keyof Limits): Promise<ProviderProbe> {
    const absence = provider === 'cuda' ? await cudaAbsence(this.#onnx) : null;
    if (absence !== null) return { ...nothingShown, state: 'absent', reason: absence };
    const limit = AbortSignal.timeout(this.#limits[depth]);
    const params = { provider, threads: availableParallelism(), thorough: depth === 'thorough' };
    const ask = async (client: WorkerClient, log: () => string[]): Promise<ProviderProbe> => {
      const shown = await client.probeProvider(params, { signal: limit });
      if (shown.state !== 'absent') return shown;
      await delay(logDelayMs);
      return { ...shown, reason: withLibrary(shown.reason, log()) };
    };
    try {
      return await this.#children.worker(limit, ask);
    } catch (error) {
      const seconds = this.#limits[depth] / 1000;
      const reason = limit.aborted ? `it did not finish a probe within ${seconds} s` : AppError.from(error).message;
      return { ...nothingShown, state: 'faulty', reason };
    }
  }
}

/** The log comes on another pipe than the answer. */
const logDelayMs = 100;

/** The library that is not there is named in onnxruntime's log alone. */
function withLibrary(reason: string | null, log: readonly string[]): string | null {
  const library = /([\w.+-]+): cannot open shared object file/.exec(log.join('\n'))?.[1];
  return library === undefined ? reason : `${reason} (${library} was not found)`;
}

const nothingShown = { adapter: null, deviation: null, speedup: null, hasFloat16: false };
const processor: ProviderProbe = {
  ...{ state: 'auto', adapter: null, reason: null, deviation: 0, speedup: 1, hasFloat16: true },
};

async function untilAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new AppError('CANCELLED', 'Cancelled.'));
    signal.addEventListener('abort', onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
