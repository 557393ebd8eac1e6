// Quality, proof and gate of a result in plain words, numbers beside them.
import type { Proof, Quality, QuantizeResult } from '../../contract/results.ts';
import { formatMemory } from '../../contract/units.ts';
import { agreement, count, loss, measured, measuredBy, plural } from './numbers.ts';
import type { Style } from './style.ts';
import type { Field } from './table.ts';

type Gate = NonNullable<QuantizeResult['gate']>;

/** What every model result carries about itself. */
export interface Judged {
  quality?: Quality;
  proof?: Proof;
  gate?: Gate;
  warnings: string[];
}

/** The first line of a result: the gate if it failed, else how close the model is to the original. */
export function qualityVerdict({ quality, gate }: Judged, style: Style): string {
  if (gate?.passed === false) return style.bad(`Quality gate not passed: ${gateText(gate)}. The file was kept.`);
  if (quality?.topOneAgreement !== undefined) {
    const words = agreement(quality.topOneAgreement);
    return style.strong(`${words[0]!.toUpperCase()}${words.slice(1)}.`);
  }
  return style.strong(
    quality
      ? `Perplexity ${measured(quality.compressed.perplexity, quality.compressed.standardError)}.`
      : 'Its quality was not measured.',
  );
}

/** Quality, gate and proof. */
export function qualityFields({ quality, proof, gate }: Judged): Field[] {
  const rows: Field[] = [];
  if (quality) {
    const { dense, compressed, perplexityRatio, kld } = quality;
    const ratio = perplexityRatio === undefined ? '' : ` (×${loss(perplexityRatio)})`;
    const after = measured(compressed.perplexity, compressed.standardError);
    const before = dense ? `${measured(dense.perplexity, dense.standardError)} → ` : '';
    rows.push(['perplexity', `${before}${after}${ratio}`]);
    if (kld) rows.push(['loss (KLD)', `${measured(kld.mean, kld.standardError)}, 99th percentile ${loss(kld.p99)}`]);
    const windows = `${plural(quality.windows, 'window')} of ${count(quality.windowTokens)} tokens`;
    rows.push(['measured on', `${quality.text}, ${windows}, by ${measuredBy(quality)}`]);
  }
  if (gate) rows.push(['gate', gateText(gate)]);
  if (proof) rows.push(...proofFields(proof));
  return rows;
}

function gateText(gate: Gate): string {
  const measure = gate.measure === 'kld' ? 'KLD' : 'perplexity ratio';
  return `${measure} ${loss(gate.value)} is ${gate.passed ? 'within' : 'above'} the limit ${loss(gate.limit)}`;
}

function proofFields(proof: Proof): Field[] {
  const { against, maxLogProbDifference, logProbTolerance, toSource, positions, memory } = proof;
  const kld = toSource ? `; KLD to the source ${loss(toSource.meanKld ?? 0)} (limit ${loss(toSource.tolerance)})` : '';
  const other = against === 'own forward' ? "Snug's own of the file" : "the source's";
  const difference = loss(maxLogProbDifference ?? 0);
  const limit = logProbTolerance === null ? '' : ` (limit ${loss(logProbTolerance)})`;
  return [
    ['proof', `${proof.runner} ${proof.build} runs it${kld}`],
    ['', `log-probabilities at ${plural(positions, 'position')} are within ${difference} of ${other}${limit}`],
    ['', `${formatMemory(memory.reportedBytes)} of memory needed, ${formatMemory(memory.plannedBytes)} planned`],
    ['it wrote', JSON.stringify(proof.sample)],
  ];
}

/** One line per warning. */
export function warningLines(warnings: string[], style: Style): string[] {
  return warnings.map((warning) => `${style.careful('Careful:')} ${warning}`);
}
