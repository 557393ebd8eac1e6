// Plans as text: a table with the memory bar of each, and one plan in full.
import type { Plan } from '../../contract/plan.ts';
import { formatDuration, formatFileSize, formatMemory } from '../../contract/units.ts';
import type { TargetInput } from '../target-part.ts';
import { memoryBar, memorySplit } from './memory-bar.ts';
import { plural, predictedLoss, shortLoss } from './numbers.ts';
import type { Canvas, Style } from './style.ts';
import { table, type Column, type Field } from './table.ts';

const barCells = 20;
const mostRows = 15;

/** Whether the plan makes a new file; the others are settings for the model as it is. A folder is a file first. */
export function makesFile({ cost }: Plan): boolean {
  return cost.diskBytes > 0;
}

/** The plans worth a row: not those that a better-ranked plan beats in size and loss; the best slice all the same. */
function worthShowing(plans: Plan[], chosen: string | null): Plan[] {
  const beats = (better: Plan, plan: Plan): boolean =>
    better.fileBytes <= plan.fileBytes &&
    better.memory.totalBytes <= plan.memory.totalBytes &&
    better.predicted.kld <= plan.predicted.kld;
  const slice = plans.find(({ steps }) => steps.some(({ method }) => method === 'slice'));
  const worth = plans.filter(
    (plan, index) =>
      plan.id === chosen || plan === slice || !plans.slice(0, index).some((better) => beats(better, plan)),
  );
  return worth.filter((plan, index) => index < mostRows || plan === slice);
}

/** The plans in their order; ▸ marks the chosen one. */
export function planTable(
  plans: Plan[],
  chosen: string | null,
  target: TargetInput,
  { style, width }: Canvas,
): string[] {
  const forMemory = target.kind === 'memory';
  const columns: Column[] = [
    { title: '' },
    { title: 'plan' },
    { title: 'what it does', flexible: true },
    { title: 'file', align: 'right' },
    ...(forMemory ? [{ title: 'needs', align: 'right' } as const, { title: 'memory' }] : []),
    { title: 'loss (KLD)', align: 'right' },
    { title: 'verdict' },
  ];
  const shown = worthShowing(plans, chosen);
  const rows = shown.map((plan) => [
    plan.id === chosen ? '▸' : '',
    plan.id,
    plan.summary,
    formatFileSize(plan.fileBytes),
    ...(forMemory ? [formatMemory(plan.memory.totalBytes), memoryBar(plan.memory, target.bytes, barCells)] : []),
    shortLoss(plan.predicted),
    fitText(plan, target, style),
  ]);
  const hidden = plans.length - shown.length;
  return [
    ...table(columns, rows, width),
    ...(hidden === 0
      ? []
      : [style.quiet(`   ${plural(hidden, 'more plan')} with --json: larger for what they lose, or further down`)]),
  ];
}

function fitText(plan: Plan, target: TargetInput, style: Style): string {
  if (plan.fits) return style.good('fits');
  const over =
    target.kind === 'memory'
      ? formatMemory(plan.memory.totalBytes - target.bytes)
      : formatFileSize(plan.fileBytes - target.bytes);
  return style.bad(`over by ${over}`);
}

/** What making a plan costs and what it is expected to lose. */
export function forecastFields(plan: Plan): Field[] {
  const { fileBytes, predicted, cost } = plan;
  if (!makesFile(plan)) return [['file', `${formatFileSize(fileBytes)}, as it is`]];
  const basis = {
    measured: 'measured',
    predicted: 'predicted from measurements of this model',
    prior: 'expected from other models',
  }[predicted.basis];
  return [
    ['file', formatFileSize(fileBytes)],
    ['loss (KLD)', predicted.kld === 0 ? 'none' : `${predictedLoss(predicted)}; ${basis}`],
    [
      'to make it',
      `≈${formatDuration(cost.seconds)}, peak memory ≈${formatMemory(cost.peakMemoryBytes)}, ${formatFileSize(cost.diskBytes)} of disk`,
    ],
  ];
}

/** What a plan is and where its memory goes. */
export function planFields(plan: Plan, target: TargetInput): Field[] {
  const { memory, steps, notes } = plan;
  const rows: Field[] = [['plan', `${plan.id}: ${plan.summary}`], ...memoryFields(plan, target)];
  if (memory.systemBytes > 0) rows.push(['on the CPU', `${formatMemory(memory.systemBytes)} of system memory besides`]);
  const flags = steps.flatMap((step) => ('flag' in step ? [step.flag] : []));
  if (flags.length > 0) rows.push(['runner flags', flags.join(' ')]);
  return [...rows, ...notes.map((note, index): Field => [index === 0 ? 'note' : '', note])];
}

function memoryFields({ memory }: Plan, target: TargetInput): Field[] {
  if (target.kind === 'file') return [];
  const basis = memory.basis === 'llama.cpp' ? "llama.cpp's own figures" : 'by formula';
  return [
    [
      'memory',
      `${memoryBar(memory, target.bytes, 2 * barCells)} ${formatMemory(memory.totalBytes)} of ${formatMemory(target.bytes)}, ${basis}`,
    ],
    ['', memorySplit(memory)],
  ];
}
