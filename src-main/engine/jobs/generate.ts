import { AppError } from '../../contract/errors.ts';
import type { GenerateRecipe } from '../../contract/recipe.ts';
import type { GenerateResult } from '../../contract/results.ts';
import type { GraphProvider } from '../../contract/worker/device.ts';
import { longestText } from '../../core/architectures/decoder.ts';
import { openOnnxModel } from '../../core/export/onnx/open-onnx-model.ts';
import { folderOf, isOnnxFile, type ModelSource } from '../../core/formats/model-source.ts';
import { graphProvider, onProcessorToo } from '../stages/device.ts';
import { withGraphs } from '../stages/open.ts';
import { scratchOnnx } from '../stages/export.ts';
import { openTextCodec, type TextCodec } from '../stages/text-codec.ts';
import { warnOfOtherVocabulary } from '../stages/texts.ts';
import { notePeakMemory, stage, totalSeconds, type JobContext } from './context.ts';

/** The verb `generate`: text behind a prompt by a model as ONNX with its cache. */
export async function runGenerate(context: JobContext, recipe: GenerateRecipe): Promise<GenerateResult> {
  const opened = await openRecipe(context, recipe);
  const codec = await stage(context, 'tokenize', () => openTextCodec(context, opened.tokenizer));
  const prompt = await stage(context, 'tokenize', () => codec.encode(recipe.prompt));
  const maxTokens = roomFor(context, recipe, { prompt: prompt.length, longest: opened.longest });
  // Another's file may need F16, which is only known when it runs.
  const needs = { float16: opened.type === null && recipe.device === 'auto' };
  const provider = await stage(context, 'device', () => graphProvider(context, recipe.device, needs));
  // Not every GPU reads F16 there, and the arithmetic is float32.
  const type = provider === 'webgpu' && opened.type !== null ? 'F32' : opened.type;
  if (provider === 'webgpu') context.warnings.push(onProcessorToo);
  const model =
    type === null ? recipe.model : (await scratchOnnx(context, { source: recipe.model, type, name: 'model' })).file;
  const made = await written(context, recipe, { model, prompt, maxTokens, codec, provider });
  const generated = made.ids.length;
  return {
    ...{ run: context.run, warnings: context.warnings, device: context.device },
    ...{ prompt: recipe.prompt, text: codec.decode(prompt, made.ids) },
    tokens: { prompt: prompt.length, generated },
    endedBy: made.endedBy,
    tokensPerSecond: {
      prefill: prompt.length / made.prefillSeconds,
      // Every run but the prompt's: one for each token but the first, and one for a token that ends the text.
      decode: perSecond(generated - (made.endedBy === 'stop' ? 0 : 1), made.decodeSeconds),
    },
    ...{ engine: 'onnx', kind: 'weights-only', type },
    seconds: totalSeconds(context).total,
    stages: context.seconds,
    peakMemoryBytes: context.peakMemoryBytes,
  };
}

const perSecond = (runs: number, seconds: number): number | null => (runs < 1 || seconds <= 0 ? null : runs / seconds);

interface Opened {
  /** Folder or GGUF. */
  tokenizer: string;
  /** Of the matrices to export; null where the model is an ONNX file already. */
  type: 'F32' | 'F16' | null;
  /** Tokens that the model can see; null where it is not known or there is no end. */
  longest: number | null;
}

/** @throws USAGE, UNSUPPORTED_ARCHITECTURE, FILE_NOT_FOUND, FILE_MALFORMED */
async function openRecipe(context: JobContext, { model: file, tokenizer }: GenerateRecipe): Promise<Opened> {
  if (isOnnxFile(file)) {
    if (tokenizer !== null) {
      const { facts } = await openOnnxModel(file);
      await warnOfOtherVocabulary(context, tokenizer, { model: file, vocabSize: facts.vocabSize });
      return { tokenizer, type: null, longest: facts.contextLength };
    }
    const message = `${file} has no tokenizer: name the folder or GGUF it was made of, with --tokenizer.`;
    throw new AppError('USAGE', message, { model: file });
  }
  return withGraphs(context, file, async (model, decoder) => {
    const longest = longestText(decoder);
    if (tokenizer !== null)
      await warnOfOtherVocabulary(context, tokenizer, { model: file, vocabSize: decoder.config.vocabSize });
    return { tokenizer: tokenizer ?? folderOf(model.path), type: exportType(model), longest };
  });
}

/** The matrices' own precision: F16 where they are F16 or quantised, else F32, which holds BF16 too. */
function exportType({ tensors }: ModelSource): 'F32' | 'F16' {
  const isWide = tensors.some(({ shape, type }) => shape.length > 1 && ['F32', 'BF16', 'F64'].includes(type));
  return isWide ? 'F32' : 'F16';
}

/** Tokens that can be written behind the prompt. @throws USAGE where there is room for none */
function roomFor(
  context: JobContext,
  { tokens }: GenerateRecipe,
  { prompt, longest }: { prompt: number; longest: number | null },
): number {
  if (longest === null || prompt + tokens <= longest) return tokens;
  if (prompt >= longest) {
    const message = `The prompt has ${prompt} tokens, and the model sees ${longest} at most: there is no room for an answer.`;
    throw new AppError('USAGE', message, { prompt, longest });
  }
  const room = longest - prompt;
  context.warnings.push(`At most ${room} tokens are written: the model sees ${longest}, and the prompt has ${prompt}.`);
  return room;
}

interface Wanted {
  /** FILE.onnx. */
  model: string;
  prompt: Int32Array;
  maxTokens: number;
  codec: TextCodec;
  provider: GraphProvider;
}

async function written(context: JobContext, recipe: GenerateRecipe, wanted: Wanted) {
  const { model, prompt, maxTokens, codec, provider } = wanted;
  const { temperature, topK, seed } = recipe;
  const { threads, signal } = context;
  const textOf = codec.follow(prompt);
  let text = '';
  return stage(context, 'generate', async () => {
    const made = await context.worker((client) =>
      client.generate(
        { model, prompt, maxTokens, stopIds: codec.stopIds, temperature, topK, seed, threads, provider },
        {
          signal,
          onProgress: ({ ids, ...progress }) => {
            text += textOf(ids);
            context.report({ ...progress, stage: 'generate', ...(text === '' ? {} : { detail: text }) });
          },
        },
      ),
    );
    notePeakMemory(context, made.peakMemoryBytes);
    return made;
  });
}
