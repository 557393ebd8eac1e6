// SliceGPT as published, block by block on the already sliced stream (method.md 1.5 and 1.6; released code: rotate.py). In
// memory: one step's weights, one Gram and two bases; the unrotated residual X [N, D] lies where the caller says.
// At a site with basis Q the next step reads z = (X·Q)[:, :n], and its residual is un-rotated by (Qᵀ)[:n, :]. The released
// code runs attention a second time with its output projection sliced; both are projected by the same Qm, so that result is
// (M·Qm)[:, :a], which the MLP step forms by itself: no second pass.
import { AppError } from '../../../contract/errors.ts';
import type { Progress, SiteFacts } from '../../../contract/progress.ts';
import type { Precision } from '../../../contract/recipe.ts';
import type { SlicingConfig } from '../../../contract/results.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import { ropeTables } from '../../architectures/rope.ts';
import type { BlockRunner, GraphRuntime } from '../../graph/block-runner.ts';
import { GraphSessions } from '../../graph/graph-sessions.ts';
import { readRopeDivisors } from '../../graph/block-weights.ts';
import { centreRows } from '../../graph/fusion.ts';
import { embedWindows, residualShape } from '../../graph/embed-windows.ts';
import type { Dequantize } from '../../graph/float-values.ts';
import { passProgress } from '../../graph/pass-progress.ts';
import { residualRows, residualRuns } from '../../graph/residual.ts';
import type { Residual } from '../../graph/residual.ts';
import type { LinearAlgebra } from '../../linear-algebra/linear-algebra.ts';
import { pointsOfSpectrum } from '../../linear-algebra/spectrum-points.ts';
import { blockSteps } from './block-steps.ts';
import type { BlockStep } from './block-steps.ts';
import { SiteGram } from './site-basis.ts';
import type { FindBasis, Signals, SiteBasis } from './site-basis.ts';
import { siteLayout, siteNames, siteWidths } from './site-widths.ts';
import { buildStepGraph } from './sliced-graphs.ts';
import { stepWeights } from './step-weights.ts';
import { writeHead, writeTables } from './outer-weights.ts';
import type { Directions, StepContext, WriteTensor } from './step-weights.ts';

export interface PerBlockOptions {
  decoder: Decoder;
  /** Token ids, all windows of one length. */
  windows: readonly Int32Array[];
  /** The width of every site. */
  widths: SlicingConfig;
  findBasis: FindBasis;
  /** @default 'raw' */
  signals?: Signals;
  /** As the released code: embeddings centred on RMSNorm models too, eps 1e-5. Changes the function. @default false */
  paperCompat?: boolean;
  /** What Grams are summed in; `findBasis` has its own for what it solves. @default 'fp64' */
  precision?: Precision;
  /** Where X is kept, [windows · T, D]; stays open. */
  residual: Residual;
  /** Called with every tensor of the sliced model, under its Hugging Face name. */
  write: WriteTensor;
  runtime: GraphRuntime;
  dequantize: Dequantize;
  linearAlgebra: LinearAlgebra;
  keptWeights?: StepContext['keptWeights'];
  /** What an earlier call finished, beside its residual; its tensors are not written again. @default null */
  resume?: StepState | null;
  /** Told when everything before a step is written: what another call needs to go on there. */
  onStep?: (state: StepState) => Promise<void>;
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

/** What slicing found at a site. */
export interface SiteReport extends Pick<SiteBasis, 'eigenvalues' | 'damping' | 'energyLost' | 'orthogonality'> {
  name: string;
  width: number;
}

/** All that the steps to come need of those before them, beside the residual. */
export interface StepState {
  /** That are done: the first one to run has this index. */
  steps: number;
  /** Of the last site that was found, from which the next step starts. */
  input: Directions;
  /** One more than steps. */
  sites: SiteReport[];
}

/** The eps of the released code's RMSN (modules.py), whatever the model's is. */
const paperEps = 1e-5;

/** The eps that a sliced model's norms have. */
export const slicedEps = ({ config }: Pick<Decoder, 'config'>, paperCompat: boolean): number =>
  paperCompat ? paperEps : config.normEps;

/**
 * Slices a model. Answers what was found at each site, in order.
 * @throws USAGE on widths or windows that do not fit; NON_FINITE naming the tensor; NUMERICAL_FAILURE naming the site;
 * OUT_OF_MEMORY, DISK_FULL, the signal's reason
 */
export async function slicePerBlock(options: PerBlockOptions): Promise<SiteReport[]> {
  const { decoder, write, findBasis, signal, resume = null, onStep = async () => {} } = options;
  const layout = siteLayout(decoder);
  const widths = siteWidths(options.widths, layout);
  const names = siteNames(layout);
  checkResidual(options);
  const reports: SiteReport[] = resume ? [...resume.sites] : [];
  const { hiddenSize: size } = decoder.config;

  async function directions(index: number, gram: SiteGram): Promise<Directions> {
    const [name, width] = [names[index]!, widths[index]!];
    const { basis, ...found } = await findBasis({ index, name, width, size }, gram.gram);
    const report = { name, width, ...found };
    reports.push(report);
    stream.tell([factsOf(report)]);
    return { basis, width, size };
  }

  const stream = await openStepStream(options, { names, widths });
  try {
    if (resume) stream.tell(resume.sites.map(factsOf));
    let input = resume?.input;
    if (!input) {
      input = await directions(0, await embed(options, stream));
      await writeTables(options, input);
      await onStep({ steps: 0, input, sites: reports });
    }

    for (let index = resume?.steps ?? 0; index + 1 < names.length; index += 1) {
      signal.throwIfAborted();
      const { layer, step } = stepAt(decoder, index);
      const weights = await stepWeights(options, layer, step, input);
      const gram = await stream.run({ index, input, feeds: weights.feeds });
      const output = await directions(index + 1, gram);
      await weights.finish(output, write);
      input = output;
      await onStep({ steps: index + 1, input, sites: reports });
    }

    await writeHead(options, input);
    return reports;
  } finally {
    await stream.close();
  }
}

/** A report for those who watch. */
function factsOf({ name, width, eigenvalues, damping, energyLost }: SiteReport): SiteFacts {
  const spectrum = pointsOfSpectrum(eigenvalues, damping);
  return width < eigenvalues.length ? { name, width, energyLost, spectrum } : { name, spectrum };
}

/** The step that starts from a site. */
function stepAt({ architecture }: Decoder, site: number): { layer: number; step: BlockStep } {
  const steps = blockSteps(architecture);
  return { layer: Math.floor(site / steps.length), step: steps[site % steps.length]! };
}

function checkResidual({ decoder, windows, residual }: PerBlockOptions): void {
  const shape = residualShape(decoder, windows);
  const fits = residual.hiddenSize === shape.hiddenSize && residualRows(residual) === residualRows(shape);
  if (fits && residual.windowLength === shape.windowLength) return;
  throw new AppError('INTERNAL', 'The residual has another shape than the windows.', { ...shape });
}

/** Fills the residual with the embeddings of the windows. Answers the Gram of the first site. */
async function embed(options: PerBlockOptions, stream: StepStream): Promise<SiteGram> {
  const { decoder, windows, dequantize, residual, paperCompat = false } = options;
  await embedWindows(decoder, { windows }, dequantize, residual);
  if (paperCompat) await replaceRuns(residual, centreRows);
  const gram = stream.gramOf(0);
  for await (const { rows, values } of residualRuns(residual)) await gram.add(values, rows);
  return gram;
}

async function replaceRuns(residual: Residual, change: (values: Float32Array, size: number) => void): Promise<void> {
  for await (const { first, values } of residualRuns(residual)) {
    change(values, residual.hiddenSize);
    await residual.write(first, values);
  }
  await residual.advance();
}

interface StepRun {
  /** Of the site that the step starts from. */
  index: number;
  input: Directions;
  feeds: Awaited<ReturnType<typeof stepWeights>>['feeds'];
}

interface StepStream {
  gramOf(site: number): SiteGram;
  /** Reports what was found. */
  tell(sites: SiteFacts[]): void;
  /** Replaces X by what the step makes of it, D wide. Answers the Gram of its output's site. */
  run(step: StepRun): Promise<SiteGram>;
  close(): Promise<void>;
}

async function openStepStream(
  options: PerBlockOptions,
  { names, widths }: { names: readonly string[]; widths: readonly number[] },
): Promise<StepStream> {
  const {
    decoder,
    runtime,
    dequantize,
    linearAlgebra,
    residual,
    signal,
    signals = 'raw',
    paperCompat = false,
    precision = 'fp64',
    resume,
  } = options;
  const { architecture, config, layers } = decoder;
  const { windowLength, hiddenSize: size } = residual;
  const normEps = slicedEps(decoder, paperCompat);
  const rope = ropeTables(config, windowLength, await readRopeDivisors(decoder, dequantize));
  const passes = { stage: 'slice', rows: residualRows(residual), passes: names.length - 1, done: resume?.steps ?? 0 };
  const onRun = passProgress(passes, options.progress);

  const formOf = (site: number): string => {
    const { layer, step } = stepAt(decoder, site);
    return [step.norm, widths[site], ...layers[layer]!.keys()].join();
  };
  async function open(site: number): Promise<{ runner: BlockRunner }> {
    const { layer, step } = stepAt(decoder, site);
    const shape = { ...config, normEps, windowLength, rope, roles: new Set(layers[layer]!.keys()) };
    const graph = buildStepGraph(architecture, step, shape, { input: widths[site]!, output: size });
    return { runner: await runtime.open(graph) };
  }
  const starts = [...widths.keys()].slice(0, -1); // behind the last site is the head
  const graphs = new GraphSessions(starts.map(formOf), open);

  const gramOf = (site: number): SiteGram =>
    new SiteGram({ site: { name: names[site]!, size }, signals, normEps, precision, linearAlgebra, signal });
  return {
    gramOf,
    tell: (sites) => onRun(0, sites),
    async run({ index, input, feeds }) {
      const directions = { data: new Float32Array(input.basis), shape: [input.width, size] };
      const weights = { ...feeds, basis: directions, shortcut: directions };
      const gram = gramOf(index + 1);
      await graphs.use(index, async ({ runner }) => {
        for await (const { first, rows, values } of residualRuns(residual)) {
          signal.throwIfAborted();
          const x = { data: values, shape: [rows, size] };
          await runner.run({ x, ...weights }, { y: x });
          await gram.add(values, rows);
          await residual.write(first, values);
          onRun(rows);
        }
      });
      await residual.advance();
      return gram;
    },
    close: () => graphs.close(),
  };
}
