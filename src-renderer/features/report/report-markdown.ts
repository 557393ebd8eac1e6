// A report as Markdown, to paste elsewhere.
import { formatFileSize, formatShare } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';
import { placeOf } from '../runs/site-words.ts';
import { stageTime } from '../runs/stage-steps.ts';
import type { Report } from './report.ts';

const words = useWords();

export function reportMarkdown(report: Report): string {
  const { sizes, quality, loss, sites, proof } = report;
  const all = words.report;
  const parts = [
    `# ${report.headline}`,
    report.facts,
    report.subline,
    ...(sizes ? [`## ${all.size}`, sizeTable(sizes), ...sizes.notes] : []),
    ...(quality || loss ? [`## ${all.quality}`] : []),
    ...(quality ? [list([...(quality.lead === null ? [] : [quality.lead]), ...quality.lines])] : []),
    ...(loss ? [list([[loss.inWords, loss.verdict].filter((part) => part !== '').join(', ')])] : []),
    ...(quality ? [quality.how] : []),
    ...(report.slicing === '' ? [] : [`## ${all.slicing}`, report.slicing]),
    ...(sites.length > 0 ? [`## ${all.layers}`, siteTable(sites)] : []),
    ...(proof ? [`## ${all.proof}`, proof.title, quoted(proof.sample), list(proof.lines)] : []),
    ...(report.command === null ? [] : [`## ${all.runIt}`, fenced(report.command)]),
    ...(report.files.length > 0 ? [`## ${all.files}`, list(report.files.map(fileLine))] : []),
    ...(report.stages.length > 0 ? [`## ${all.time}`, list(report.stages.map(stageLine))] : []),
    ...(report.warnings.length > 0 ? [`## ${words.plans.thingsToKnow}`, list(report.warnings)] : []),
    `## ${all.recipe}`,
    table([all.setting, all.value], report.recipe),
    ...(report.versions.length > 0
      ? [`${all.versions}: ${report.versions.map((pair) => pair.join(' ')).join(', ')}`]
      : []),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n');
const quoted = (text: string): string =>
  text
    .split('\n')
    .map((line) => `> ${line}`)
    .join('\n');
const fenced = (text: string): string => `\`\`\`\n${text}\n\`\`\``;
const cells = (values: readonly string[]): string =>
  `| ${values.map((value) => value.replaceAll('|', '\\|')).join(' | ')} |`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [cells(head), cells(head.map(() => '---')), ...rows.map(cells)].join('\n');
}

function sizeTable({ rows }: NonNullable<Report['sizes']>): string {
  const { before, after, change } = words.report.sizes;
  return table(
    ['', before, after, change],
    rows.map((row) => [row.name, row.before, row.after, row.change]),
  );
}

function siteTable(sites: Report['sites']): string {
  const { place, width, lost } = words.charts;
  const rows = sites.map((site) => [
    placeOf(site.name).name,
    String(site.width ?? ''),
    formatShare(site.energyLost ?? 0),
  ]);
  return table([place, width, lost], rows);
}

function fileLine({ path, bytes, sha256 }: Report['files'][number]): string {
  const sum = sha256 === null ? [] : [`SHA-256 ${sha256}`];
  return [`\`${path}\``, formatFileSize(bytes), ...sum].join(', ');
}

const stageLine = ({ name, seconds }: Report['stages'][number]): string => `${name}: ${stageTime(seconds)}`;
