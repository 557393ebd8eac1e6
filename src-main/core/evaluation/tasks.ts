// Zero-shot multiple choice from JSON lines in MosaicML's form (llm-foundry, scripts/eval/local_data), scored as
// lm-eval-harness does: log-likelihood of each continuation after its context, plain and per byte.
// Letters: n examples, p accuracy.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError, malformed } from '../../contract/errors.ts';
import { readJsonLines, shown, type JsonLine } from '../texts/json-lines.ts';
import type { Tokenize } from '../texts/windows.ts';

export interface TaskChoice {
  context: string;
  /** Begins with the space that separates it from the context. */
  continuation: string;
}

export interface TaskExample {
  choices: TaskChoice[];
  /** Index of the right choice. */
  gold: number;
}

export interface Task {
  name: string;
  examples: TaskExample[];
}

/** What one choice is to the model: token ids. */
export interface TaskItem {
  context: Int32Array;
  continuation: Int32Array;
}

export interface TaskScore {
  accuracy: number;
  accuracyNormalised: number;
  standardError: number;
  standardErrorNormalised: number;
}

/**
 * Reads a task file: lines of `query`, `choices`, `gold`, or of `context_options`, `continuation`, `gold` (winogrande:
 * one continuation, several contexts).
 * @throws FILE_NOT_FOUND; FILE_MALFORMED with the line.
 */
export async function readTask(file: string): Promise<Task> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw AppError.from(error);
  });
  const examples = readJsonLines(bytes, file).map((line) => readExample(line, file));
  if (examples.length === 0) throw malformed(file, 'the file', { expected: 'at least one example', actual: 'none' });
  return { name: path.basename(file).replace(/\.jsonl$/i, ''), examples };
}

function readExample({ value, where }: JsonLine, file: string): TaskExample {
  const options = 'context_options' in value ? 'context_options' : 'choices';
  const texts = value[options];
  if (!Array.isArray(texts) || texts.length < 2 || !texts.every(isText)) {
    throw malformed(file, where, { expected: `"${options}", an array of at least two texts`, actual: shown(texts) });
  }
  const common = options === 'choices' ? 'query' : 'continuation';
  const text = value[common];
  if (!isText(text)) throw malformed(file, where, { expected: `"${common}", a text`, actual: shown(text) });
  const gold = value['gold'];
  if (typeof gold !== 'number' || !Number.isInteger(gold) || gold < 0 || gold >= texts.length) {
    throw malformed(file, where, { expected: `"gold", an index below ${texts.length}`, actual: shown(gold) });
  }
  if (options === 'choices')
    return { choices: texts.map((choice) => ({ context: question(text), continuation: ` ${choice.trim()}` })), gold };
  return { choices: texts.map((context) => ({ context: context.trim(), continuation: ` ${text.trim()}` })), gold };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}

/** llm-foundry's task list and lm-eval put "Answer:" between a question and its choices, and a space elsewhere. */
function question(query: string): string {
  const text = query.trim();
  return text.startsWith('Question:') && !text.endsWith('Answer:') ? `${text}\nAnswer:` : text;
}

/**
 * Token ids of every choice, example by example; one call of `tokenize`. Context and context + continuation are tokenised
 * and the continuation is what the second has more (lm-eval-harness, `_encode_pair`), so tokens across the border are right.
 * Spaces that end a context belong to the continuation. Over `contextLength` tokens the start of the context is left out.
 */
export async function taskItems(
  { examples }: Task,
  tokenize: Tokenize,
  contextLength = Number.POSITIVE_INFINITY,
): Promise<TaskItem[]> {
  const pairs = examples.flatMap(({ choices }) =>
    choices.map(({ context, continuation }) => ({ context: context.trimEnd(), whole: context + continuation })),
  );
  const texts = [...new Set(pairs.flatMap(({ context, whole }) => [context, whole]))];
  const ids = await tokenize(texts.map((text) => new TextEncoder().encode(text)));
  const idsOf = new Map(texts.map((text, index) => [text, ids[index]!]));
  return pairs.map(({ context, whole }) => split(idsOf.get(context)!, idsOf.get(whole)!, contextLength));
}

function split(context: Int32Array, whole: Int32Array, contextLength: number): TaskItem {
  // A continuation has a token, also where all of it merged into the context's last one.
  const border = Math.min(context.length, whole.length - 1);
  const continuation = whole.slice(border).slice(-(contextLength - 1));
  const room = contextLength - continuation.length;
  return { context: context.slice(Math.max(0, border - room), border), continuation };
}

/**
 * Accuracy by the sum of log-probabilities and by that sum per byte of the continuation (its leading space not counted),
 * with standard errors sqrt(p (1 - p) / n). `logLikelihoods` [choices of all examples], in the order of `taskItems`.
 * @throws NON_FINITE naming the example.
 */
export function scoreTask(examples: TaskExample[], logLikelihoods: Float64Array): TaskScore {
  const expected = examples.reduce((count, example) => count + example.choices.length, 0);
  if (examples.length === 0 || logLikelihoods.length !== expected) {
    throw new AppError('INTERNAL', `${logLikelihoods.length} log-likelihoods for ${expected} choices.`);
  }
  let [right, rightNormalised, offset] = [0, 0, 0];
  for (const [index, { choices, gold }] of examples.entries()) {
    const sums = logLikelihoods.subarray(offset, offset + choices.length);
    if (!sums.every(Number.isFinite))
      throw new AppError('NON_FINITE', `A log-likelihood of example ${index} is not finite.`, { example: index });
    if (largest(sums) === gold) right++;
    if (largest(sums.map((sum, choice) => sum / byteLength(choices[choice]!))) === gold) rightNormalised++;
    offset += choices.length;
  }
  const [accuracy, accuracyNormalised] = [right / examples.length, rightNormalised / examples.length];
  return {
    accuracy,
    accuracyNormalised,
    standardError: standardError(accuracy, examples.length),
    standardErrorNormalised: standardError(accuracyNormalised, examples.length),
  };
}

function byteLength({ continuation }: TaskChoice): number {
  return Math.max(1, Buffer.byteLength(continuation.replace(/^ /, '')));
}

/** The first of the largest, as numpy's argmax. */
function largest(values: Float64Array): number {
  return values.indexOf(values.reduce((best, value) => Math.max(best, value), Number.NEGATIVE_INFINITY));
}

function standardError(share: number, count: number): number {
  return Math.sqrt((share * (1 - share)) / count);
}
