// True sizes before and after, and what became bigger on the way.
import type { JobResult } from '../../../src-main/contract/job.ts';
import type { SliceResult } from '../../../src-main/contract/results.ts';
import { formatFileSize, formatFixed, formatParameters, formatShare } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';

const words = useWords();

export interface Sizes {
  /** `–` where it is not known. */
  rows: { name: string; before: string; after: string; change: string }[];
  /** The file, or where its source's is not known the model, is bigger than before. */
  isBigger: boolean;
  notes: string[];
}

interface Measure {
  parametersBefore: number | null;
  parametersAfter: number | null;
  bytesBefore: number | null;
  bytesAfter: number;
}

/** Of results that have a file; else null. */
export function sizesOf(result: JobResult): Sizes | null {
  const measure = measureOf(result);
  if (measure === null) return null;
  const { parametersBefore, parametersAfter, bytesBefore, bytesAfter } = measure;
  const isBigger =
    bytesBefore === null ? (parametersAfter ?? 0) > (parametersBefore ?? Infinity) : bytesAfter > bytesBefore;
  const { sizes } = words.report;
  return {
    rows: [
      rowOf(sizes.file, bytesBefore, bytesAfter, formatFileSize),
      ...(parametersAfter === null
        ? []
        : [rowOf(sizes.parameters, parametersBefore, parametersAfter, formatParameters)]),
      ...bitsRow(measure),
    ],
    isBigger,
    notes: [...(isBigger ? [sizes.bigger] : []), ...(result.verb === 'slice' ? sliceNotes(result.value) : [])],
  };
}

export function measureOf(result: JobResult): Measure | null {
  switch (result.verb) {
    case 'fit': {
      const { fileBytes, plans, output } = result.value;
      const source = plans.find(({ id }) => id === 'source');
      if (fileBytes === null || output === null) return null;
      return {
        parametersBefore: null,
        parametersAfter: null,
        bytesBefore: source?.fileBytes ?? null,
        bytesAfter: fileBytes,
      };
    }
    case 'quantize':
    case 'slice': {
      const { parametersBefore, parametersAfter, fileBytes } = result.value;
      const bytesBefore = result.verb === 'slice' ? result.value.sourceBytes : null;
      return { parametersBefore, parametersAfter, bytesBefore, bytesAfter: fileBytes };
    }
    default:
      return null;
  }
}

/** `15% smaller`, `4.1% bigger than before`; of less than a thousandth `as big as before`. */
export function changeInWords(before: number, after: number): string {
  const { smaller, bigger, same } = words.report.verdicts;
  const change = after / before - 1;
  if (Math.abs(change) < 1e-3) return same;
  return change < 0 ? smaller(formatShare(-change)) : bigger(formatShare(change));
}

function rowOf(
  name: string,
  before: number | null,
  after: number,
  format: (value: number) => string,
): Sizes['rows'][number] {
  const { none } = words.report.sizes;
  const change = before === null ? none : changeInWords(before, after);
  return { name, before: before === null ? none : format(before), after: format(after), change };
}

function bitsRow({ parametersBefore, parametersAfter, bytesBefore, bytesAfter }: Measure): Sizes['rows'] {
  const { bits, none } = words.report.sizes;
  const of = (bytes: number | null, parameters: number | null): string =>
    bytes === null || parameters === null ? none : formatFixed((bytes * 8) / parameters, 2);
  if (parametersAfter === null) return [];
  return [
    { name: bits, before: of(bytesBefore, parametersBefore), after: of(bytesAfter, parametersAfter), change: '' },
  ];
}

function sliceNotes({
  sparsity,
  parametersBefore,
  parametersAfter,
  untiedParameters,
  shortcutParameters,
}: SliceResult): string[] {
  const { cut, untied, shortcuts } = words.report.sizes;
  return [
    cut(formatShare(sparsity), changeInWords(parametersBefore, parametersAfter)),
    ...(untiedParameters > 0 ? [untied(formatParameters(untiedParameters))] : []),
    ...(shortcutParameters > 0 ? [shortcuts(formatParameters(shortcutParameters))] : []),
  ];
}
