// Texts of a job: opened, checked against each other, tokenised by the model's own tokenizer, cut into windows.
import path from 'node:path';
import { malformed } from '../../contract/errors.ts';
import type { CalibrationOptions, EvaluationOptions } from '../../contract/recipe.ts';
import { calibrationWindows } from '../../core/texts/calibration-windows.ts';
import { evaluationWindows } from '../../core/texts/evaluation-windows.ts';
import { openText, type OpenedText } from '../../core/texts/open-text.ts';
import { refuseReuse } from '../../core/texts/reuse.ts';
import type { JobContext } from '../jobs/context.ts';

export const textsFolder = (context: JobContext): string => path.join(context.folders.resources, 'texts');

/** A tokenizer that adds what the model's own rule adds, and takes special tokens in texts as plain text. */
export function tokenizerOf(context: JobContext, model: string): (texts: Uint8Array[]) => Promise<Int32Array[]> {
  return async (texts) => {
    const { ids } = await context.llama((client) =>
      client.tokenize({ model, texts, addSpecial: true, parseSpecial: false }, { signal: context.signal }),
    );
    return ids;
  };
}

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
  const { contextLength, vocabSize } = await context.describe(model);
  checkIds(texts, vocabSize);
  return calibrationWindows({
    texts,
    options,
    contextLength,
    tokenize: tokenizerOf(context, model),
  });
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

/** Evaluation windows; `calibrationTexts` are the texts that a result was made with, which may not be used again. */
export async function openEvaluation(
  context: JobContext,
  model: string,
  options: EvaluationOptions,
  calibrationTexts: readonly string[],
): Promise<EvaluationTokens> {
  const text = await openText(options.text, textsFolder(context));
  const used: OpenedText[] = await Promise.all(calibrationTexts.map((name) => openText(name, textsFolder(context))));
  refuseReuse(text, used, options.allowSameText);
  const { window, windows } = options;
  const { contextLength, vocabSize } = await context.describe(model);
  checkIds([text], vocabSize);
  const cut = await evaluationWindows({
    text,
    window,
    windows,
    contextLength,
    tokenize: tokenizerOf(context, model),
  });
  return { name: text.name, sha256: text.sha256, ...cut };
}
