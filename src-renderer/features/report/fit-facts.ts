// What a fit was about, in a line: the model, the file, the card and how it is run there, the proof.
import type { Plan } from '../../../src-main/contract/plan.ts';
import type { FitResult } from '../../../src-main/contract/results.ts';
import type { Target } from '../../../src-main/contract/target.ts';
import { formatContext, formatFileSize, sizeFormat } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';

const words = useWords();

/** `m.gguf · 18.6 GB · fits a 24.0 GiB card with 16k tokens of context, KV cache f16 · proved in llama.cpp`. */
export function fitFacts(name: string, { plan, fileBytes, proof }: FitResult, target: Target | null): string {
  if (plan === null) return name;
  return [
    name,
    formatFileSize(fileBytes ?? plan.fileBytes),
    ...(target === null ? [] : [fitsInWords(plan, target)]),
    ...(proof?.passed ? [words.report.proved] : []),
  ].join(' · ');
}

/** A plan may be run with another context or cache than was asked for. */
function fitsInWords({ fits, steps }: Plan, target: Target): string {
  const { file, fileOver, card, cardOver } = words.report.fitted;
  const size = sizeFormat(target.kind, target.bytes)(target.bytes);
  if (target.kind === 'file') return (fits ? file : fileOver)(size);
  const context = steps.find((step) => step.method === 'context')?.tokens ?? target.context;
  const kvType = steps.find((step) => step.method === 'kv-cache')?.type ?? target.kvType;
  return (fits ? card : cardOver)(size, formatContext(context), kvType);
}
