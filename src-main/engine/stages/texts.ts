// Texts of a job: opened, checked against each other, tokenised by the model's own tokenizer, cut into windows.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { AppError, malformed } from '../../contract/errors.ts';
import type { CalibrationOptions, EvaluationOptions } from '../../contract/recipe.ts';
import { longestTextOf } from '../../core/architectures/decoder.ts';
import { openOnnxModel } from '../../core/export/onnx/open-onnx-model.ts';
import { folderOf, isOnnxFile, openModel } from '../../core/formats/model-source.ts';
import { calibrationWindows } from '../../core/texts/calibration-windows.ts';
import { evaluationWindows } from '../../core/texts/evaluation-windows.ts';
import { openText, type OpenedText } from '../../core/texts/open-text.ts';
import { refuseReuse } from '../../core/texts/reuse.ts';
import type { Tokenize } from '../../core/texts/windows.ts';
import { openFolderTokenizer } from '../../core/tokens/folder-tokenizer.ts';
import type { JobContext } from '../jobs/context.ts';
import { hasVocabulary } from './open.ts';

export const textsFolder = (context: JobContext): string => path.join(context.folders.resources, 'texts');

/** What cutting texts into windows has to know of a model. */
export interface TextModel {
  /** Tokens of the longest window. */
  contextLength: number;
  vocabSize: number;
  /** Adds what the model's own rule adds. */
  tokenize: Tokenize;
}

/** A model by its path; or with a folder or GGUF whose tokenizer serves instead of its own, null for its own. */
export type TextSource = string | { model: string; tokenizer: string | null };

/**
 * A GGUF is asked through llama.cpp, which takes special tokens in texts as plain text; a folder through its own files; an
 * ONNX file has no tokenizer.
 * @throws as openModel; the tokenizer of a folder fails when it is used, as openFolderTokenizer, and so does a missing one
 */
export async function textModel(context: JobContext, from: TextSource): Promise<TextModel> {
  const { model, tokenizer } = typeof from === 'string' ? { model: from, tokenizer: null } : from;
  if (tokenizer !== null) {
    const { tokenize } = await textModel(context, tokenizer);
    const found = await textModel(context, model);
    await warnOfOtherVocabulary(context, tokenizer, { model, vocabSize: found.vocabSize });
    return { ...found, tokenize };
  }
  if (isOnnxFile(model)) return onnxTextModel(model);
  const source = await openModel(model);
  await source.close();
  const { kind, path: found, config } = source;
  if (kind === 'safetensors') {
    return {
      contextLength: longestTextOf(source) ?? Number.POSITIVE_INFINITY,
      vocabSize: config.vocabSize ?? Number.POSITIVE_INFINITY,
      tokenize: folderTokenize(found),
    };
  }
  const { contextLength, vocabSize } = await context.describe(found);
  return {
    ...{ contextLength, vocabSize },
    async tokenize(texts) {
      // llama.cpp would abort.
      if (!(await hasVocabulary(source))) throw noTokenizer(model);
      const { ids } = await context.llama((client) =>
        client.tokenize({ model: found, texts, addSpecial: true, parseSpecial: false }, { signal: context.signal }),
      );
      return ids;
    },
  };
}

/** Ids of another model's tokenizer mean other words, though they may all be in the vocabulary. */
export async function warnOfOtherVocabulary(
  context: JobContext,
  tokenizer: string,
  { model, vocabSize }: { model: string; vocabSize: number | null },
): Promise<void> {
  // A folder may have a tokenizer and no model, which says no size.
  const source = await openModel(tokenizer).catch(() => null);
  await source?.close();
  const other = source?.config.vocabSize ?? null;
  if (other === null || vocabSize === null || !Number.isFinite(vocabSize) || other === vocabSize) return;
  const warning = `${model} has a vocabulary of ${vocabSize} tokens and ${tokenizer} of ${other}: the tokenizer may be that of another model, whose ids mean other words.`;
  if (!context.warnings.includes(warning)) context.warnings.push(warning);
}

const noTokenizer = (model: string): AppError => {
  const message = `The model has no tokenizer: give texts as token ids (NAME.tokens.json), for calibration and evaluation both.`;
  return new AppError('USAGE', message, { model });
};

async function onnxTextModel(model: string): Promise<TextModel> {
  const { contextLength, vocabSize } = (await openOnnxModel(model)).facts;
  return {
    contextLength: contextLength ?? Number.POSITIVE_INFINITY,
    vocabSize: vocabSize ?? Number.POSITIVE_INFINITY,
    tokenize: () => {
      const message = `${model} has no tokenizer: name the folder or GGUF it was made from with --tokenizer, or give token ids (NAME.tokens.json) as --text.`;
      throw new AppError('USAGE', message, { model });
    },
  };
}

const folderTokenize =
  (model: string): Tokenize =>
  async (texts) => {
    const tokenizer = await openFolderTokenizer(folderOf(model));
    const decoder = new TextDecoder();
    return texts.map((text) => Int32Array.from(tokenizer.encode(decoder.decode(text))));
  };

/** Rows of token ids are used as they are; an id that the model does not have is an error of the text. @throws FILE_MALFORMED */
function checkIds(texts: readonly OpenedText[], vocabSize: number): void {
  for (const { name, rows } of texts) {
    for (const [row, ids] of (rows ?? []).entries()) {
      const index = ids.findIndex((id) => id >= vocabSize);
      if (index >= 0)
        throw malformed(name, `row ${row}, index ${index}`, {
          expected: `a token id below ${vocabSize}, the model's vocabulary`,
          actual: String(ids[index]),
        });
    }
  }
}

export interface CalibrationTokens {
  windows: Int32Array[];
  tokens: number;
  textSha256: string;
}

export async function openCalibration(
  context: JobContext,
  model: string,
  options: CalibrationOptions,
): Promise<CalibrationTokens> {
  const texts = await Promise.all(options.texts.map((text) => openText(text, textsFolder(context))));
  const { contextLength, vocabSize, tokenize } = await textModel(context, model);
  checkIds(texts, vocabSize);
  return calibrationWindows({ texts, options, contextLength, tokenize });
}

/** Fewer calibration tokens than this many per hidden unit give a warning (contract). */
const tokensPerHiddenUnit = 8;

export function warnOfFewTokens(context: JobContext, tokens: number, hiddenSize: number | null): void {
  if (hiddenSize === null || tokens >= tokensPerHiddenUnit * hiddenSize) return;
  context.warnings.push(
    `Only ${tokens} calibration tokens: at least ${tokensPerHiddenUnit * hiddenSize} are advised for a model ${hiddenSize} wide. Give more text with --calibration.`,
  );
}

export interface EvaluationTokens {
  name: string;
  sha256: string;
  windows: Int32Array[];
  windowTokens: number;
}

/** Hex SHA-256 of token ids. */
export function tokenHash(windows: readonly Int32Array[]): string {
  const hash = createHash('sha256');
  for (const window of windows) hash.update(`${window.length}\n`).update(window);
  return hash.digest('hex');
}

/** Evaluation windows; `calibrationTexts` are the texts that a result was made with, which may not be used again. */
export async function openEvaluation(
  context: JobContext,
  model: TextSource,
  options: EvaluationOptions,
  calibrationTexts: readonly string[],
): Promise<EvaluationTokens> {
  const text = await openText(options.text, textsFolder(context));
  const used: OpenedText[] = await Promise.all(calibrationTexts.map((name) => openText(name, textsFolder(context))));
  refuseReuse(text, used, options.allowSameText);
  const { window, windows } = options;
  const { contextLength, vocabSize, tokenize } = await textModel(context, model);
  checkIds([text], vocabSize);
  const cut = await evaluationWindows({ text, window, windows, contextLength, tokenize });
  return { name: text.name, sha256: text.sha256, ...cut };
}
