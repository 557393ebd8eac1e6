// What a figure was measured with, in words. The history keeps it as one line of the engine (result-record.ts in
// src-main/engine/catalog), which is taken apart here; a line of another version stays as it is written.
import { formatCount, formatPlain } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';
import { choiceInWords } from './setting-words.ts';

const words = useWords();

export interface Measured<Member> {
  /** Engine, text and windows; empty for what is counted, not measured. */
  context: string;
  members: Member[];
}

/** Figures by what they were measured with, which is said once for all of them: in the order in which they come, what is
 * counted last. */
export function byContext<Member extends { context?: string }>(figures: readonly Member[]): Measured<Member>[] {
  const groups = Map.groupBy(figures, ({ context = '' }) => context);
  return [...groups]
    .map(([context, members]) => ({ context, members }))
    .toSorted((a, b) => Number(a.context === '') - Number(b.context === ''));
}

/** A whole line: `Measured on 8 × 512 tokens of “evaluation” with Snug’s own graphs, weights only`. */
export function contextInWords(context: string): string {
  return (
    qualityInWords(context) ??
    proofInWords(context) ??
    questionsInWords(context) ??
    rowInWords(context) ??
    words.history.detail.measured(context)
  );
}

type Engine = keyof typeof words.quality.engines;
type Kind = keyof typeof words.quality.kinds;
type Against = keyof typeof words.history.detail.provedAgainst;
type Study = keyof typeof words.studies.kinds;

function qualityInWords(context: string): string | null {
  const found = /^(onnx|llama\.cpp), (weights-only|as-run), (.+), (\d+) x (\d+) tokens$/s.exec(context);
  if (!found) return null;
  const [, engine, kind, text, windows, windowTokens] = found;
  return words.quality.measuredOn({
    engine: words.quality.engines[engine as Engine],
    kind: words.quality.kinds[kind as Kind],
    text: text!,
    windows: Number(windows),
    windowTokens: Number(windowTokens),
  });
}

function proofInWords(context: string): string | null {
  const found = /^(.+), against (own forward|source)$/.exec(context);
  if (!found) return null;
  const { proved, provedAgainst } = words.history.detail;
  return proved(found[1]!, provedAgainst[found[2] as Against]);
}

function questionsInWords(context: string): string | null {
  const found = /^(.+), (\d+) questions, (onnx|llama\.cpp)$/s.exec(context);
  if (!found) return null;
  const [, text, questions, engine] = found;
  return words.history.detail.answered(formatCount(Number(questions)), text!, words.quality.engines[engine as Engine]);
}

function rowInWords(context: string): string | null {
  const found = /^([\w-]+) (.+), row (\d+)$/.exec(context);
  if (!found || !Object.hasOwn(words.studies.kinds, found[1]!)) return null;
  return words.history.detail.studied(words.studies.kinds[found[1] as Study].name, valueOfRow(found[2]!), found[3]!);
}

/** Of a study: a share, a count or a precision. */
function valueOfRow(value: string): string {
  return Number.isNaN(Number(value)) ? choiceInWords('precision', value) : formatPlain(Number(value));
}
