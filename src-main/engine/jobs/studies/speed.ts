// What slicing gives in speed: both models as ONNX with their cache, on one device, for several texts side by side.
import type { SpeedRow } from '../../../contract/study.ts';
import { AppError } from '../../../contract/errors.ts';
import { longestText } from '../../../core/architectures/decoder.ts';
import { scratchOnnx } from '../../stages/export.ts';
import { graphProvider, onProcessorToo } from '../../stages/device.ts';
import type { EvenCalibration } from '../../stages/statistics.ts';
import { notePeakMemory, reportAs, stage } from '../context.ts';
import { valuesOf } from './check-study.ts';
import {
  measure,
  sharedWork,
  studyCalibration,
  studyRow,
  studyStatistics,
  type Figures,
  type Study,
} from './open-study.ts';
import type { Outcome } from './outcome.ts';
import { withSliced, type SlicedFacts } from './sliced-models.ts';

/** Tokens of a text that are read at once, then written one by one; fewer where the model's context has no room. */
const timing = { promptTokens: 128, decodeTokens: 32 };

type Timing = typeof timing;

interface Timed extends Figures, Omit<SlicedFacts, 'energyLost'> {
  model: SpeedRow['model'];
  /** FILE.onnx. */
  file: string;
}

export async function studySpeed(study: Study): Promise<Outcome<SpeedRow> & Timing> {
  const { recipe } = study;
  const values = valuesOf.speed(recipe);
  const tokens = tokensOf(study);
  const even = await studyCalibration(study);
  const dense = sharedWork(study, () => denseModel(study));
  const sliced = sharedWork(study, () => slicedModel(study, even));
  study.progress.total = 2 * values.length;
  const rows: SpeedRow[] = [];
  for (const value of values) {
    let reference: SpeedRow | null = null;
    for (const open of [dense, sliced]) {
      const model = open === dense ? 'dense' : 'sliced';
      const label = `${value} at once, ${model}`;
      const make = async () => timedRow(study, { ...(await open()), value, tokens, label, reference });
      const { row } = await studyRow<SpeedRow>(study, { label, windows: even.windows, make });
      reference ??= row;
      rows.push(row);
    }
  }
  const shared = [
    'The model was sliced, measured and written as ONNX once for all batches, and so was the dense one.',
    'Every batch is timed on its own, the dense and the sliced model one after the other.',
  ];
  return { rows, skipped: [], type: recipe.type, calibration: even.use, shared, ...tokens };
}

/** @throws USAGE */
function tokensOf({ source, decoder }: Study): Timing {
  const longest = longestText(decoder) ?? Infinity;
  const promptTokens = Math.min(timing.promptTokens, longest - timing.decodeTokens);
  if (promptTokens > 0) return { ...timing, promptTokens };
  const message = `${source.path} sees ${longest} tokens at most: a speed study reads a prompt and writes ${timing.decodeTokens} behind it.`;
  throw new AppError('USAGE', message, { longest });
}

async function denseModel(study: Study): Promise<Timed> {
  const { source } = study;
  const [figures, { file, fileBytes }] = [
    await measure(study, source.path, 'dense'),
    await exported(study, source.path, 'dense'),
  ];
  return { ...figures, model: 'dense', file, fileBytes, sparsity: 0, parametersAfter: source.parameters };
}

async function slicedModel(study: Study, even: EvenCalibration): Promise<Timed> {
  const statistics = () => studyStatistics(study, even);
  return withSliced(
    study,
    { windows: even.windows, statistics, detail: 'sliced' },
    async ({ path: found, ...facts }) => {
      const figures = await measure(study, found, 'sliced');
      const { sparsity, parametersAfter } = facts;
      return { ...figures, model: 'sliced', ...(await exported(study, found, 'sliced')), sparsity, parametersAfter };
    },
  );
}

const exported = (
  { context, recipe }: Study,
  source: string,
  name: SpeedRow['model'],
): Promise<{ file: string; fileBytes: number }> =>
  scratchOnnx(context, { source, name, detail: name, type: recipe.type.toUpperCase() === 'F32' ? 'F32' : 'F16' });

interface RowTiming extends Timed {
  value: number;
  tokens: Timing;
  label: string;
  /** Of the dense model at this batch; null where this is it. */
  reference: SpeedRow | null;
}

async function timedRow({ context, recipe }: Study, { file, value, tokens, label, reference, ...facts }: RowTiming) {
  const provider = await graphProvider(context, recipe.device, { float16: recipe.type.toUpperCase() !== 'F32' });
  if (provider === 'webgpu' && !context.warnings.includes(onProcessorToo)) context.warnings.push(onProcessorToo);
  const { prefillSeconds, decodeSeconds, spread } = await stage(context, 'time', async () => {
    const timed = await context.worker((client) =>
      client.timeModel(
        {
          ...{ model: file, batch: value, ...tokens, provider },
          ...{ seed: recipe.calibration.seed, threads: context.threads },
        },
        { signal: context.signal, onProgress: reportAs(context, 'time', label) },
      ),
    );
    notePeakMemory(context, timed.peakMemoryBytes);
    return timed;
  });
  const prefillTokensPerSecond = (value * tokens.promptTokens) / prefillSeconds;
  const decodeTokensPerSecond = (value * tokens.decodeTokens) / decodeSeconds;
  return {
    ...{ value, ...facts, device: provider, prefillTokensPerSecond, decodeTokensPerSecond, spread },
    prefillRatio: reference ? prefillTokensPerSecond / reference.prefillTokensPerSecond : 1,
    decodeRatio: reference ? decodeTokensPerSecond / reference.decodeTokensPerSecond : 1,
  };
}
