// One side of a question: a child that writes, and what it tells on the way. A child that dies is the side's failure.
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { AskRequest, AskSide } from '../../contract/chat.ts';
import { AppError } from '../../contract/errors.ts';
import type { Progress } from '../../contract/progress.ts';
import { recipe as recipeSchema, type GenerateRecipe } from '../../contract/recipe.ts';
import { withContext } from '../jobs/context.ts';
import { runGenerate } from '../jobs/generate.ts';
import { clearJobFolder, openJobFolder } from '../jobs/job-folder.ts';
import type { Answering } from './answering.ts';
import type { ChatParts } from './chat-parts.ts';

export interface Writing {
  model: Answering;
  prompt: string;
  /** That fit behind the prompt. */
  tokens: number;
  sampling: Pick<AskRequest, 'temperature' | 'seed'>;
  gpuLayers: number;
  /** null: the child's own choice. */
  threads: number | null;
  signal: AbortSignal;
  tell: (side: AskSide) => void;
}

/** Writes to the end, which is told. @throws CANCELLED, nothing else */
export async function write(parts: ChatParts, writing: Writing): Promise<void> {
  const { model, signal } = writing;
  let text = '';
  const tell = (side: AskSide): void => {
    if (side.state === 'writing') ({ text } = side);
    writing.tell(side);
  };
  tell({ state: 'loading', share: 0 });
  try {
    tell(
      model.engine === 'llama.cpp'
        ? await byLlama(parts, { ...writing, tell })
        : await byGraphs(parts, { ...writing, tell }),
    );
  } catch (error) {
    if (signal.aborted) throw new AppError('CANCELLED', 'Cancelled.');
    tell({ state: 'failed', error: AppError.from(error).toShape(), text });
  }
}

async function byLlama({ children }: ChatParts, writing: Writing): Promise<AskSide> {
  const { model, prompt, tokens, sampling, gpuLayers, threads, signal, tell } = writing;
  const settings = { gpuLayers, ...(threads === null ? {} : { threads }) };
  const onProgress = (progress: Progress): void => tell(sideOf(progress, 'generate'));
  const made = await children.llama(signal, (client) =>
    client.generate({ model: model.file, prompt, tokens, ...sampling, settings }, { signal, onProgress }),
  );
  const { text, promptTokens, endedBy, device, decodeSeconds } = made;
  const decoded = made.tokens - (endedBy === 'stop' ? 0 : 1);
  return {
    ...{ state: 'done', text, tokens: made.tokens, promptTokens, endedBy, device },
    tokensPerSecond: decoded > 0 && decodeSeconds > 0 ? decoded / decodeSeconds : null,
    ...{ engine: 'llama.cpp', file: model.file },
  };
}

/** As the verb generate does, in a folder that is gone afterwards. */
async function byGraphs({ folders, children, providers }: ChatParts, writing: Writing): Promise<AskSide> {
  const { model, signal, tell } = writing;
  const run = `ask-${randomUUID().slice(0, 8)}`;
  const folder = await openJobFolder(folders.home, run);
  const report = (progress: Progress): void => {
    if (progress.stage === 'export' || progress.stage === 'generate') tell(sideOf(progress, 'generate'));
  };
  try {
    const options = { run, folder, signal, folders, children, providers, threads: writing.threads, report };
    const made = await withContext(options, (context) => runGenerate(context, recipeFor(writing)));
    return {
      ...{ state: 'done', text: made.text, tokens: made.tokens.generated, promptTokens: made.tokens.prompt },
      ...{ endedBy: made.endedBy, tokensPerSecond: made.tokensPerSecond.decode, device: made.device },
      ...{ engine: 'onnx', file: model.file },
    };
  } finally {
    await clearJobFolder(folder, true);
    // What cannot be removed now goes with the folders that nobody touches (job-folder.ts).
    await rm(path.dirname(folder.scratch), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** On the processor: how much a provider takes of a GPU is not known before. */
export function recipeFor({
  model,
  prompt,
  tokens,
  sampling,
}: Pick<Writing, 'model' | 'prompt' | 'tokens' | 'sampling'>): GenerateRecipe {
  const tokenizer = model.engine === 'onnx' ? model.tokenizer : null;
  return recipeSchema.parse({
    ...{ verb: 'generate', model: model.file, tokenizer, prompt, tokens, device: 'cpu' },
    ...sampling,
  }) as GenerateRecipe;
}

/** A text that ends in the middle of a character ends before it, for now. */
function sideOf({ stage, done, total, detail, perSecond }: Progress, writes: string): AskSide {
  if (stage !== writes || detail === undefined)
    return { state: 'loading', share: total > 0 ? Math.min(1, done / total) : 0 };
  return { state: 'writing', text: detail.replace(/\uFFFD$/, ''), tokens: done, tokensPerSecond: perSecond ?? null };
}
