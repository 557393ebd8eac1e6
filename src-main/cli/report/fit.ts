// The result of a fit as text.
import type { Target } from '../../contract/target.ts';
import type { FitResult } from '../../contract/results.ts';
import { formatDuration, formatFileSize, formatMemory } from '../../contract/units.ts';
import { invarianceFields } from './invariance.ts';
import { measured, plural, predictedLoss } from './numbers.ts';
import { makesFile, planFields, planTable } from './plans.ts';
import { qualityFields, qualityVerdict, warningLines } from './quality.ts';
import type { Canvas } from './style.ts';
import { fields, table, type Field } from './table.ts';

export function describeFit(result: FitResult, target: Target, canvas: Canvas): string[] {
  const { style } = canvas;
  if (result.best === null || result.plan === null) {
    return [
      style.bad(result.verdict),
      'Nothing was written. The plans that come closest:',
      '',
      ...planTable(result.plans, null, target, canvas),
      '',
      ...fields([['slicing', result.slices.verdict]]),
      ...warningLines(result.warnings, style),
    ];
  }
  return [
    (result.gate?.passed === false ? style.careful : style.good)(result.verdict),
    ...(makesFile(result.plan) ? [qualityVerdict(result, style)] : []),
    '',
    ...fields([
      ['file', `${result.output}, ${formatFileSize(result.fileBytes ?? 0)}`],
      ...planFields(result.plan, target),
      ...predictionFields(result),
      ...qualityFields(result),
      ['slicing', result.slices.verdict],
      [
        'calibration',
        result.calibration
          ? `${plural(result.calibration.samples, 'sample')}, ${plural(result.calibration.tokens, 'token')}`
          : 'none',
      ],
      ...(result.slices.invariance ? invarianceFields(result.slices.invariance) : []),
      ['device', result.device],
      ['took', `${formatDuration(result.seconds.total)}, peak memory ${formatMemory(result.peakMemoryBytes)}`],
      ['sha256', result.sha256 ?? ''],
    ]),
    ...measuredLines(result, canvas),
    ...warningLines(result.warnings, style),
    ...(result.command === null ? [] : ['', 'Run it:', `  ${result.command}`]),
  ];
}

/** What was expected, beside what is measured below it. */
function predictionFields({ plan, quality }: FitResult): Field[] {
  return plan && quality?.kld && plan.predicted.basis !== 'measured'
    ? [['predicted', `loss ${predictedLoss(plan.predicted)}`]]
    : [];
}

function measuredLines({ measured: candidates, best }: FitResult, { width }: Canvas): string[] {
  if (candidates.length < 2) return [];
  const rows = candidates.map(({ id, summary, fileBytes, quality }) => [
    id === best ? '▸' : '',
    summary,
    formatFileSize(fileBytes),
    quality.kld ? measured(quality.kld.mean, quality.kld.standardError) : '',
  ]);
  const right = 'right' as const;
  const columns = [
    { title: '' },
    { title: 'made and measured', flexible: true },
    { title: 'file', align: right },
    { title: 'loss (KLD)', align: right },
  ];
  return ['', ...table(columns, rows, width)];
}
