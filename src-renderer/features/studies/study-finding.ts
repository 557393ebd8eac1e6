// What a study has found so far, in one sentence: differences within the errors are none.
import { frontOf } from '../../../src-main/contract/study-rows.ts';
import type {
  CalibrationSizeRow,
  CombinationRow,
  PcaPrecisionRow,
  SparsityRow,
  SpeedRow,
  StudyRow,
  StudyRows,
} from '../../../src-main/contract/study.ts';
import { formatCount, formatFixed } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';
import { cutShare, isSame, roughly } from './figures.ts';
import { combinationName } from './study-plots.ts';

const words = useWords();

export interface Finding {
  text: string;
  /** Why not to believe it; empty for none. */
  caution: string;
}

const lossOf = ({ kld: value, kldStandardError: error }: StudyRow): { value: number; error: number } => ({
  value,
  error,
});
const lossText = ({ kld, kldStandardError }: StudyRow): string => roughly(kld, kldStandardError);
const sure = (text: string): Finding => ({ text, caution: '' });

/** null where there is too little yet to say anything. */
export function findingOf(study: StudyRows): Finding | null {
  if (study.rows.length === 0) return null;
  switch (study.kind) {
    case 'sparsity':
      return sure(ofSparsity(study.rows));
    case 'calibration-size':
      return sure(ofSamples(study.rows));
    case 'pca-precision':
      return sure(ofPrecision(study.rows));
    case 'speed':
      return ofSpeed(study.rows);
    case 'combination':
      return study.rows.length < 2 ? null : sure(ofCombination(study.rows));
  }
}

function ofSparsity(rows: readonly SparsityRow[]): string {
  const { findings } = words.studies;
  const constant = rows.filter(({ scheduler }) => scheduler === 'constant');
  const sorted = (constant.length > 0 ? constant : rows).toSorted((a, b) => a.sparsity - b.sparsity);
  const [least, most] = [sorted[0]!, sorted.at(-1)!];
  const other = rows.find(({ scheduler, value }) => value === most.value && scheduler !== most.scheduler);
  const [little, much] = [cutShare(least.sparsity), cutShare(most.sparsity)];
  const text =
    least === most
      ? findings.sparsity(little, lossText(least))
      : findings.sparsityTo(little, lossText(least), much, lossText(most));
  return other ? findings.byVariance(text, lossText(other)) : text;
}

/** The fewest samples behind which nothing gets better. */
function ofSamples(rows: readonly CalibrationSizeRow[]): string {
  const { findings } = words.studies;
  const sorted = rows.toSorted((a, b) => a.samples - b.samples);
  const most = sorted.at(-1)!;
  if (sorted.length === 1) return findings.oneSize(formatCount(most.samples), lossText(most));
  const enough = sorted.find((row, index) => sorted.slice(index).every((more) => isSame(lossOf(row), lossOf(more))))!;
  return enough === most
    ? findings.helps(formatCount(most.samples), lossText(most))
    : findings.enough(formatCount(enough.samples));
}

function ofPrecision(rows: readonly PcaPrecisionRow[]): string {
  const { findings } = words.studies;
  const [reference, ...others] = rows;
  if (others.length === 0) return findings.reference(lossText(reference!));
  const listed = new Intl.ListFormat(words.numbers.locale);
  const worse = others.find((row) => row.kld > reference!.kld && !isSame(lossOf(row), lossOf(reference!)));
  return worse
    ? findings.imprecise(worse.value, lossText(worse), lossText(reference!))
    : findings.precise(listed.format(others.map(({ value }) => value)), others.length);
}

function ofSpeed(rows: readonly SpeedRow[]): Finding | null {
  const { findings } = words.studies;
  const sliced = rows.filter(({ model }) => model === 'sliced').toSorted((a, b) => b.value - a.value)[0];
  if (!sliced) return null;
  const { value, sparsity, decodeRatio, prefillRatio, spread } = sliced;
  const dense = rows.find((row) => row.model === 'dense' && row.value === value);
  const off = Math.max(spread, dense?.spread ?? 0);
  const isHidden = Math.abs(decodeRatio - 1) < off && Math.abs(prefillRatio - 1) < off;
  const times = [decodeRatio, prefillRatio].map((ratio) => formatFixed(ratio, 2)) as [string, string];
  const text = findings.speed(cutShare(sparsity), findings.texts(formatCount(value), value === 1), ...times);
  return { text, caution: isHidden ? findings.uncertain : '' };
}

function ofCombination(rows: readonly CombinationRow[]): string {
  const { findings } = words.studies;
  const front = [...frontOf(rows)];
  if (front.length === 1) return findings.frontSingle(combinationName(front[0]!));
  const sliced = front.filter(({ sparsity }) => sparsity > 0).length;
  return sliced === 0 ? findings.frontPlain : findings.frontSliced(sliced, front.length);
}
