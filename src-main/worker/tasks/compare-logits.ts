// Compares two models of which one is an ONNX file, or measures one that is: the file itself runs, with its cache; a folder
// or a GGUF runs on its own block graphs.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import type { Progress } from '../../contract/progress.ts';
import { openModel, isOnnxFile } from '../../core/formats/model-source.ts';
import { sessionLogits } from '../../core/generation/session-logits.ts';
import { openBlockLogits } from '../../core/graph/block-logits.ts';
import type { OpenedLogits } from '../../core/graph/block-logits.ts';
import { compareLogits as compare } from '../../core/graph/compare-logits.ts';
import { checkVocabularies } from '../../core/graph/compare-models.ts';
import { openRunnable } from '../../core/slicing/per-block/sliced-folder.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { openCachedSession } from '../onnx/cached-session.ts';
import { onnxRuntime } from '../onnx/onnx-runtime.ts';
import type { OnnxOptions } from '../onnx/onnx-runtime.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const compareLogits: HandlersOf<WorkerApi>['compareLogits'] = async (params, { signal, progress }) => {
  const { windows, scratch, threads, provider } = params;
  const start = performance.now();
  const tokens = windows.reduce((sum, { length }) => sum + length, 0);
  const work = workProgress(tokens, params.reference === null ? 1 : 2, progress);
  const opening = (path: string, name: string): Promise<OpenedLogits> =>
    isOnnxFile(path)
      ? onSession(path, { windows, threads, provider, signal, onRun: work.add })
      : onBlocks(path, { windows, scratch, name, threads, provider, signal, work });

  const reference = params.reference === null ? null : await opening(params.reference, 'reference');
  const referenceSeconds = reference ? (performance.now() - start) / 1000 : 0;
  try {
    const candidate = await opening(params.candidate, 'candidate');
    try {
      if (reference) {
        const [ours, theirs] = [candidate.vocabSize, reference.vocabSize];
        checkVocabularies({ file: params.candidate, size: ours }, { file: params.reference!, size: theirs });
      }
      const compared = await compare({ candidate, reference, windows, signal });
      const seconds = (performance.now() - start) / 1000;
      return { windows: compared, tokens, seconds, referenceSeconds, peakMemoryBytes: peakMemoryBytes() };
    } finally {
      await candidate.close();
    }
  } finally {
    await reference?.close();
  }
};

type SessionPass = Parameters<typeof sessionLogits>[1] & OnnxOptions;

async function onSession(file: string, { threads, provider, ...pass }: SessionPass): Promise<OpenedLogits> {
  const session = await openCachedSession(file, { threads, provider });
  try {
    return { ...sessionLogits(session, pass), close: () => session.close() };
  } catch (error) {
    await session.close();
    throw error;
  }
}

interface BlockPass
  extends OnnxOptions, Pick<Parameters<typeof openBlockLogits>[1], 'windows' | 'scratch' | 'name' | 'signal'> {
  work: WorkProgress;
}

async function onBlocks(path: string, { threads, provider, work, ...pass }: BlockPass): Promise<OpenedLogits> {
  const model = await openModel(path);
  try {
    const logits = await openBlockLogits(await openRunnable(model), {
      ...{ ...pass, runtime: onnxRuntime({ threads, provider }), dequantize: nativeDequantizer(threads) },
      progress: work.layers(),
    });
    return { ...logits, close: () => logits.close().finally(() => model.close()) };
  } catch (error) {
    await model.close();
    throw error;
  }
}

interface WorkProgress {
  add: (tokens: number) => void;
  /** Takes a pass's progress through the layers of one model over all tokens. */
  layers: () => (progress: Progress) => void;
}

/** Progress in tokens through all models; the heads are not counted. */
function workProgress(tokens: number, models: number, progress: (progress: Progress) => void): WorkProgress {
  const start = performance.now();
  let met = 0;
  const report = (now: number): void => {
    met = now;
    const done = Math.min(tokens, met / models);
    const perSecond = done / Math.max(1e-3, (performance.now() - start) / 1000);
    const secondsLeft = done === 0 ? {} : { secondsLeft: (tokens - done) / perSecond };
    progress({ stage: 'evaluate', done, total: tokens, unit: 'tokens', perSecond, ...secondsLeft });
  };
  return {
    add: (more) => report(met + more),
    layers() {
      const before = met;
      return ({ done, total }) => report(before + (tokens * done) / total);
    },
  };
}
