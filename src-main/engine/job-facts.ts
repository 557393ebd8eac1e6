// What a job's cost is counted from: headers of its models, sizes of its texts.
import type { Recipe } from '../contract/recipe.ts';
import { isSlicedPerBlock, longestTextOf } from '../core/architectures/decoder.ts';
import { openModel, type ModelSource } from '../core/formats/model-source.ts';
import type { JobFacts } from '../core/planning/job-work.ts';
import { modelSizeOf } from '../core/planning/model-size.ts';
import type { ModelSize, TextSize } from '../core/planning/stage-work.ts';
import { runnableRefusal } from '../core/slicing/per-block/runnable-refusal.ts';
import { openText } from '../core/texts/open-text.ts';

/** Of the bundled texts: 3.2 with the sample's 8,192 tokens, 4.4 with 49,152. */
const bytesPerToken = (vocabSize: number): number => (vocabSize < 2 ** 15 ? 3.2 : 4.4);

/** null where a header does not say enough. `texts`: the folder of the bundled ones. */
export async function jobFacts(recipe: Recipe, texts: string): Promise<JobFacts | null> {
  const model = await openModel(recipe.model);
  await model.close();
  const size = modelSizeOf(model);
  if (size === null) return null;
  const against = 'against' in recipe && recipe.against !== null ? await sizeOfFile(recipe.against) : null;
  const most = longestTextOf(model) ?? Infinity;
  return {
    model: size,
    isFolder: model.kind === 'safetensors',
    isSliced: isSlicedPerBlock(model),
    against,
    calibration: await calibrationSize(recipe, { size, most, texts }),
    evaluation: await evaluationSize(recipe, { size, most, texts }),
    engine: await engineOf(recipe, model),
    ...{ best: null, named: null },
  };
}

async function sizeOfFile(file: string): Promise<ModelSize | null> {
  const model = await openModel(file);
  await model.close();
  return modelSizeOf(model);
}

/** As chooseEngine, but for a GPU, which nobody is asked for here: what a job took there teaches the next one. */
async function engineOf(recipe: Recipe, model: ModelSource): Promise<JobFacts['engine']> {
  const wanted = 'evaluation' in recipe ? recipe.evaluation.engine : 'auto';
  if (wanted !== 'auto') return wanted;
  return (await runnableRefusal(model)) === null ? 'onnx' : 'llama.cpp';
}

interface TextFacts {
  size: ModelSize;
  /** Tokens that the model sees rightly. */
  most: number;
  /** The folder of the bundled ones. */
  texts: string;
}

async function tokensOf(name: string, { size, texts }: TextFacts): Promise<number> {
  const { bytes, rows } = await openText(name, texts);
  return rows ? rows.reduce((sum, row) => sum + row.length, 0) : bytes / bytesPerToken(size.vocabSize);
}

async function calibrationSize(recipe: Recipe, facts: TextFacts): Promise<TextSize> {
  if (!('calibration' in recipe)) return { tokens: 0, window: 0 };
  const { texts, samples, length } = recipe.calibration;
  const window = Math.min(length, facts.most);
  const tokens = await Promise.all(texts.map((text) => tokensOf(text, facts)));
  return {
    window,
    tokens: Math.min(
      samples * window,
      tokens.reduce((sum, count) => sum + count, 0),
    ),
  };
}

async function evaluationSize(recipe: Recipe, facts: TextFacts): Promise<TextSize> {
  if (!('evaluation' in recipe)) return { tokens: 0, window: 0 };
  const { text, window: wanted, windows } = recipe.evaluation;
  const window = Math.min(wanted, facts.most);
  return { window, tokens: Math.min((windows ?? Infinity) * window, await tokensOf(text, facts)) };
}
