// SliceGPT as published, block by block on the already sliced stream (method.md 1.5 and 1.6; released code: rotate.py). In
// memory: one layer's weights, one Gram and two bases; the residual X [N, D] lies where the caller says, in the dense model's
// own basis. At a site with basis Q the sliced model has z = (X·Q)[:, :n], of which X·Q[:, :n]·(Q[:, :n])ᵀ, X without the
// directions that go, is the same in that basis: so steps run with the dense model's weights (sliced-graphs.ts). The released
// code runs attention a second time with its output projection sliced; both are projected by the same Qm, so that result is
// (M·Qm)[:, :a], which the MLP step forms by itself: no second pass.
import type { SlicingConfig } from '../../../contract/results.ts';
import { RowBuffers } from '../transform-tensor.ts';
import { writeHead, writeTables } from './outer-weights.ts';
import type { FindBasis, SiteBasis, SiteGram } from './site-basis.ts';
import { siteLayout, siteNames, siteWidths } from './site-widths.ts';
import { factsOf, openStepStream, stepAt } from './step-stream.ts';
import type { SiteReport, StepRun, StreamOptions } from './step-stream.ts';
import { stepFeeds, writeInputs, writeOutputs } from './step-weights.ts';
import type { Directions, WriteTensor } from './step-weights.ts';

export interface PerBlockOptions extends StreamOptions {
  /** The width of every site. */
  widths: SlicingConfig;
  /** Has a precision of its own for what it solves. */
  findBasis: FindBasis;
  /** Called with every tensor of the sliced model, under its Hugging Face name. */
  write: WriteTensor;
  /** What an earlier call finished, beside its residual; its tensors are not written again. @default null */
  resume?: StepState | null;
  /** Told when everything before a step is written: what another call needs to go on there. */
  onStep?: (state: StepState) => Promise<void>;
}

/** A site's directions: those that stay, and those that go, [size - width, size]. */
export type SiteDirections = Directions & Pick<SiteBasis, 'complement'>;

/** All that the steps to come need of those before them, beside the residual. */
export interface StepState {
  /** That are done: the first one to run has this index. */
  steps: number;
  /** Of the last site that was found, from which the next step starts; null where nothing is cut. */
  input: SiteDirections | null;
  /** One more than steps. */
  sites: SiteReport[];
}

/**
 * Slices a model. Answers what was found at each site, in order.
 * @throws USAGE on widths or windows that do not fit; NON_FINITE naming the tensor; NUMERICAL_FAILURE naming the site;
 * OUT_OF_MEMORY, DISK_FULL, the signal's reason
 */
export async function slicePerBlock(options: PerBlockOptions): Promise<SiteReport[]> {
  const { decoder, findBasis, signal, resume = null, onStep = async () => {} } = options;
  // Buffers hold a step's largest matrix whole, in float64, and go with the step: no run of a graph has them beside it.
  const withBuffers = (): PerBlockOptions & { buffers: RowBuffers } => ({ ...options, buffers: new RowBuffers() });
  const layout = siteLayout(decoder);
  const widths = siteWidths(options.widths, layout);
  const names = siteNames(layout);
  const reports: SiteReport[] = resume ? [...resume.sites] : [];
  const { hiddenSize: size } = decoder.config;

  async function directions(index: number, gram: SiteGram): Promise<SiteDirections> {
    const [name, width] = [names[index]!, widths[index]!];
    const { basis, complement, ...found } = await findBasis({ index, name, width, size }, gram.gram);
    const report = { name, width, ...found };
    reports.push(report);
    stream.tell([factsOf(report)]);
    return { basis, complement, width, size };
  }

  const stream = await openStepStream(options, { names, widths, done: resume?.steps ?? 0 });
  try {
    if (resume) stream.tell(resume.sites.map(factsOf));
    let input = resume?.input ?? null;
    if (!input) {
      input = await directions(0, await stream.embed());
      await writeTables(withBuffers(), input);
      await onStep({ steps: 0, input, sites: reports });
    }

    const feedsOf = stepFeeds(options);
    for (let index = resume?.steps ?? 0; index + 1 < names.length; index += 1) {
      signal.throwIfAborted();
      const { layer, step } = stepAt(decoder, index);
      const gram = await stream.run({ index, complement: complementOf(input), feeds: await feedsOf(layer, step) });
      const context = withBuffers();
      // An eigenproblem below 1,024 keeps one core busy, and the others turn the weights that do not wait for it; a larger
      // one takes the threads of the library, for which their products wait (native/math/README.md).
      const [found, written] = [directions(index + 1, gram), writeInputs(context, [layer, step], input)];
      await Promise.allSettled([found, written]);
      const output: SiteDirections = await found;
      await written;
      await writeOutputs(context, [layer, step], { input, output });
      input = output;
      await onStep({ steps: index + 1, input, sites: reports });
    }

    await writeHead(withBuffers(), input);
    return reports;
  } finally {
    await stream.close();
  }
}

/** What the graph of a step takes away from X, as it takes it; null where nothing goes. */
function complementOf({ complement, width, size }: SiteDirections): StepRun['complement'] {
  return width < size ? { data: Float32Array.from(complement), shape: [size - width, size] } : null;
}
