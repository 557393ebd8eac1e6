// The residual X of a model's windows on its way through the steps of its blocks, in the dense model's own basis, and the Gram
// of every site. In memory: one layer's weights, one Gram and a part of X, which lies where the caller says.
import { AppError } from '../../../contract/errors.ts';
import type { Progress, SiteFacts } from '../../../contract/progress.ts';
import type { Precision } from '../../../contract/recipe.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import { ropeTables } from '../../architectures/rope.ts';
import type { BlockRunner, GraphRuntime } from '../../graph/block-runner.ts';
import { readRopeDivisors } from '../../graph/block-weights.ts';
import type { BlockWeights } from '../../graph/block-weights.ts';
import { embedWindows, residualShape } from '../../graph/embed-windows.ts';
import type { Dequantize } from '../../graph/float-values.ts';
import { centreRows } from '../../graph/fusion.ts';
import { GraphSessions } from '../../graph/graph-sessions.ts';
import { passProgress } from '../../graph/pass-progress.ts';
import { residualRows, residualRuns } from '../../graph/residual.ts';
import type { Residual } from '../../graph/residual.ts';
import type { LinearAlgebra } from '../../linear-algebra/linear-algebra.ts';
import { pointsOfSpectrum } from '../../linear-algebra/spectrum-points.ts';
import { blockSteps } from './block-steps.ts';
import type { BlockStep } from './block-steps.ts';
import { SiteGram } from './site-basis.ts';
import type { Signals, SiteBasis } from './site-basis.ts';
import { buildStepGraph } from './sliced-graphs.ts';

export interface StreamOptions {
  decoder: Decoder;
  /** Token ids, all windows of one length. */
  windows: readonly Int32Array[];
  /** @default 'raw' */
  signals?: Signals;
  /** As the released code: embeddings centred on RMSNorm models too, eps 1e-5. Changes the function. @default false */
  paperCompat?: boolean;
  /** What Grams are summed in. @default 'fp64' */
  precision?: Precision;
  /** Where X is kept, [windows · T, D]; stays open. */
  residual: Residual;
  runtime: GraphRuntime;
  dequantize: Dequantize;
  linearAlgebra: LinearAlgebra;
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

/** All sites of a model, in order, and how many steps between them were run before. */
interface Sites {
  names: readonly string[];
  widths: readonly number[];
  done: number;
}

/** What slicing found at a site. */
export interface SiteReport extends Pick<SiteBasis, 'eigenvalues' | 'damping' | 'energyLost' | 'orthogonality'> {
  name: string;
  width: number;
}

/** The eps of the released code's RMSN (modules.py), whatever the model's is. */
const paperEps = 1e-5;

/** The eps that a sliced model's norms have. */
export const slicedEps = ({ config }: Pick<Decoder, 'config'>, paperCompat: boolean): number =>
  paperCompat ? paperEps : config.normEps;

/** A report for those who watch. */
export function factsOf({ name, width, eigenvalues, damping, energyLost }: SiteReport): SiteFacts {
  const spectrum = pointsOfSpectrum(eigenvalues, damping);
  return width < eigenvalues.length ? { name, width, energyLost, spectrum } : { name, spectrum };
}

/** The step that starts from a site. */
export function stepAt({ architecture }: Decoder, site: number): { layer: number; step: BlockStep } {
  const steps = blockSteps(architecture);
  return { layer: Math.floor(site / steps.length), step: steps[site % steps.length]! };
}

export interface StepRun {
  /** Of the site that the step starts from. */
  index: number;
  /** The directions that go there, [D - width, D]; null where the site is as wide as the model. */
  complement: { data: Float32Array; shape: number[] } | null;
  feeds: BlockWeights['feeds'];
}

export interface StepStream {
  /** Fills the residual with the embeddings of the windows. Answers the Gram of the first site. */
  embed(): Promise<SiteGram>;
  /** Reports what was found. */
  tell(sites: SiteFacts[]): void;
  /** Replaces X by what the step makes of it, D wide. Answers the Gram of its output's site. */
  run(step: StepRun): Promise<SiteGram>;
  close(): Promise<void>;
}

/** @throws USAGE on windows that do not fit */
export async function openStepStream(options: StreamOptions, { names, widths, done }: Sites): Promise<StepStream> {
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
  } = options;
  checkResidual(options);
  const { architecture, config, layers } = decoder;
  const { windowLength, hiddenSize: size } = residual;
  const normEps = slicedEps(decoder, paperCompat);
  const rope = ropeTables(config, windowLength, await readRopeDivisors(decoder, dequantize));
  const passes = { stage: 'slice', rows: residualRows(residual), passes: names.length - 1, done };
  const onRun = passProgress(passes, options.progress);

  const cuts = (site: number): boolean => widths[site]! < size;
  const formOf = (site: number): string => {
    const { layer, step } = stepAt(decoder, site);
    return [step.norm, cuts(site), ...layers[layer]!.keys()].join();
  };
  async function open(site: number): Promise<{ runner: BlockRunner }> {
    const { layer, step } = stepAt(decoder, site);
    const shape = { ...config, normEps, windowLength, rope, roles: new Set(layers[layer]!.keys()) };
    const graph = buildStepGraph(architecture, step, shape, cuts(site));
    return { runner: await runtime.open(graph) };
  }
  const starts = [...widths.keys()].slice(0, -1); // behind the last site is the head
  const graphs = new GraphSessions(starts.map(formOf), open);

  const gramOf = (site: number): SiteGram =>
    new SiteGram({ site: { name: names[site]!, size }, signals, normEps, precision, linearAlgebra, signal });
  return {
    embed: () => embed(options, gramOf(0)),
    tell: (sites) => onRun(0, sites),
    async run({ index, complement, feeds }) {
      const weights = { ...feeds, ...(complement && { complement }) };
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

function checkResidual({ decoder, windows, residual }: StreamOptions): void {
  const shape = residualShape(decoder, windows);
  const fits = residual.hiddenSize === shape.hiddenSize && residualRows(residual) === residualRows(shape);
  if (fits && residual.windowLength === shape.windowLength) return;
  throw new AppError('INTERNAL', 'The residual has another shape than the windows.', { ...shape });
}

async function embed(options: StreamOptions, gram: SiteGram): Promise<SiteGram> {
  const { decoder, windows, dequantize, residual, paperCompat = false } = options;
  await embedWindows(decoder, { windows }, dequantize, residual);
  if (paperCompat) await replaceRuns(residual, centreRows);
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
