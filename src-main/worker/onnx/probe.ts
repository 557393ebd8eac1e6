// What a provider can do on this machine: is there a device, are its numbers the processor's, is it faster (docs/devices.md).
import { AppError } from '../../contract/errors.ts';
import type { ProbedProvider, ProviderProbe } from '../../contract/worker/device.ts';
import type { GraphRuntime } from '../../core/graph/block-runner.ts';
import {
  comparedGraphs,
  furthestShare,
  halfProduct,
  probeTolerance,
  runProbe,
  smallProduct,
  timedBlock,
} from '../../core/graph/probe-graphs.ts';
import type { ProbeGraph } from '../../core/graph/probe-graphs.ts';
import type { Adapter } from './adapter.ts';

export interface ProbeOptions {
  provider: ProbedProvider;
  /** What is tried, and what it is held against. */
  probed: GraphRuntime;
  reference: GraphRuntime;
  /** Asked once the provider has a session. */
  adapter: () => Adapter;
  /** Compare results also where it is known to be no GPU. */
  thorough: boolean;
}

/** A product this many times as slow as on the processor needs no longer measurement. */
const hopeless = 10;

/** Tries it. What fails is told as the reason. */
export async function probe(options: ProbeOptions): Promise<ProviderProbe> {
  try {
    return await tried(options);
  } catch (error) {
    const failure = AppError.from(error);
    const { reason } = failure.details;
    const state = failure.code === 'DEVICE_UNAVAILABLE' ? 'absent' : 'faulty';
    return { ...untried, state, reason: typeof reason === 'string' ? reason : failure.message };
  }
}

const untried: ProviderProbe = {
  ...{ state: 'named', adapter: null, reason: null, deviation: null, speedup: null, hasFloat16: false },
};

async function tried({ provider, probed, reference, adapter, thorough }: ProbeOptions): Promise<ProviderProbe> {
  const product = smallProduct();
  await (await probed.open(product.model)).dispose();
  const { name, isSoftware } = provider === 'webgpu' ? adapter() : { name: 'NVIDIA', isSoftware: false };
  const found = { ...untried, adapter: name };
  const software = `its only adapter is ${name ?? 'software'}, which plays a GPU on the processor`;
  if (isSoftware && !thorough) return { ...found, reason: software };

  const small = isSoftware ? null : await speedupOf(probed, reference, product);
  const slow = `it is slower than the processor (${small === null ? '' : (1 / small).toFixed(0)} times on a product)`;
  if (small !== null && small < 1 / hopeless && !thorough) return { ...found, reason: slow };

  const compared = await compare(probed, reference);
  if (!(compared.share <= probeTolerance)) {
    const reason = `its results are wrong: ${compared.output} of ${compared.graph} is ${compared.share.toExponential(1)} of its largest value from the processor's, and ${probeTolerance.toExponential(0)} is allowed`;
    return { ...found, state: 'faulty', reason, deviation: finite(compared.share) };
  }
  const right = { ...found, deviation: compared.share, hasFloat16: await runs(probed, halfProduct()) };
  if (isSoftware) return { ...right, reason: software };
  if (small !== null && small < 1 / hopeless) return { ...right, reason: slow };
  const speedup = await speedupOf(probed, reference, timedBlock());
  if (speedup > 1) return { ...right, state: 'auto', speedup };
  return { ...right, speedup, reason: `it runs a block at ${speedup.toFixed(2)} times the speed of the processor` };
}

const runs = (runtime: GraphRuntime, graph: ProbeGraph): Promise<boolean> =>
  runProbe(runtime, graph).then(
    () => true,
    () => false,
  );

const finite = (share: number): number | null => (Number.isFinite(share) ? share : null);

async function speedupOf(probed: GraphRuntime, reference: GraphRuntime, graph: ProbeGraph): Promise<number> {
  const mine = await runProbe(probed, graph, 3);
  const theirs = await runProbe(reference, graph, 3);
  return theirs.seconds / mine.seconds;
}

async function compare(
  probed: GraphRuntime,
  reference: GraphRuntime,
): Promise<{ graph: string; output: string; share: number }> {
  let worst = { graph: '', output: '', share: 0 };
  for (const graph of comparedGraphs()) {
    const { values: expected } = await runProbe(reference, graph);
    const { values } = await runProbe(probed, graph);
    const found = furthestShare(values, expected);
    if (found.share >= worst.share) worst = { graph: `the graph "${graph.name}"`, ...found };
  }
  return worst;
}
