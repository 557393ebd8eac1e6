// A report as HTML: one file with its style and charts inside, no script and nothing from elsewhere; the same is printed as PDF.
import { formatFileSize, formatShare } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';
import { totalBytes } from '../../ui/bar-layout.ts';
import { placeOf } from '../runs/site-words.ts';
import { stageTime } from '../runs/stage-steps.ts';
import { html, Markup } from './html.ts';
import type { Report } from './report.ts';
import { barChart, lossChart, sitesChart } from './sheet-charts.ts';
import { pageStyle, sheetStyle } from './sheet-style.ts';

const words = useWords();

/** The whole file. */
export function reportHtml(report: Report): string {
  return html`<!doctype html>
    <html lang="${words.numbers.locale}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${report.headline}</title>
        <style>
          ${new Markup(pageStyle + sheetStyle)}
        </style>
      </head>
      <body>
        ${reportSheet(report)}
      </body>
    </html> `.text;
}

/** The report alone, which brings its style where it stands. */
export function reportSheet(report: Report): Markup {
  const { bar, quality, loss, sizes, slicing, sites, proof, command, files, stages, warnings } = report;
  const all = words.report;
  return html`<main class="sheet">
    <h1>${report.headline}</h1>
    ${report.facts === '' ? null : paragraph(report.facts)}
    <p class="quiet">${report.subline}</p>
    ${bar && [barChart(bar), legend(bar)]}
    ${(quality ?? loss) && section(all.quality, [...qualityParts(quality), ...lossParts(loss)])}
    ${sizes && section(all.size, [sizeTable(sizes), ...sizes.notes.map(paragraph)])}
    ${slicing === '' ? null : section(all.slicing, [paragraph(slicing)])}
    ${sites.length > 0 ? section(all.layers, [sitesChart(sites), siteTable(sites)]) : null}
    ${proof && section(all.proof, proofParts(proof))}
    ${command === null ? null : section(all.runIt, [html`<pre>${command}</pre>`])}
    ${files.length > 0 ? section(all.files, [list(files.map(fileLine))]) : null}
    ${
      stages.length > 0
        ? section(all.time, [
            table(
              null,
              stages.map(({ name, seconds }) => [name, stageTime(seconds)]),
            ),
          ])
        : null
    }
    ${warnings.length > 0 ? section(words.plans.thingsToKnow, [list(warnings.map((warning) => html`${warning}`))]) : null}
    ${section(all.recipe, [table([all.setting, all.value], report.recipe)])}
    ${report.versions.length > 0 ? html`<p class="quiet">${all.versions}: ${report.versions.map((pair) => pair.join(' ')).join(' · ')}</p>` : null}
  </main>`;
}

const section = (title: string, parts: readonly Markup[]): Markup =>
  html`<section>
    <h2>${title}</h2>
    ${parts}
  </section>`;

const paragraph = (text: string): Markup => html`<p>${text}</p>`;
const list = (lines: readonly Markup[]): Markup =>
  html`<ul>
    ${lines.map((line) => html`<li>${line}</li>`)}
  </ul>`;

function table(head: readonly string[] | null, rows: readonly (readonly string[])[]): Markup {
  return html`<table>
    ${
      head &&
      html`<thead>
        <tr>
          ${head.map((name) => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>`
    }
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            ${row.map((cell) => html`<td>${cell}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function legend({ segments, limitBytes, format }: NonNullable<Report['bar']>): Markup {
  const spare = limitBytes - totalBytes(segments);
  const rest = spare >= 0 ? words.plans.free : words.plans.overBy;
  const pairs = [...segments.map(({ label, bytes }) => [label, format(bytes)]), [rest, format(Math.abs(spare))]];
  return html`<dl class="legend">
    ${pairs.map(
      ([name, value]) =>
        html`<div>
          <dt>${name!}</dt>
          <dd>${value!}</dd>
        </div>`,
    )}
  </dl>`;
}

function qualityParts(quality: Report['quality']): Markup[] {
  if (quality === null) return [];
  const { lead, lines, how } = quality;
  return [
    ...(lead === null ? [] : [html`<p class="lead">${lead}</p>`]),
    ...lines.map(paragraph),
    html`<p class="quiet">${how}</p>`,
  ];
}

function lossParts(loss: Report['loss']): Markup[] {
  if (loss === null) return [];
  const chart = lossChart(loss);
  const line = [loss.inWords, loss.verdict].filter((part) => part !== '').join(', ');
  return [paragraph(line), ...(chart === null ? [] : [chart])];
}

function sizeTable({ rows }: NonNullable<Report['sizes']>): Markup {
  const { before, after, change } = words.report.sizes;
  return table(
    ['', before, after, change],
    rows.map((row) => [row.name, row.before, row.after, row.change]),
  );
}

function siteTable(sites: Report['sites']): Markup {
  const { place, width, lost } = words.charts;
  const rows = sites.map((site) => [
    placeOf(site.name).name,
    String(site.width ?? ''),
    formatShare(site.energyLost ?? 0),
  ]);
  return table([place, width, lost], rows);
}

function proofParts({ passed, title, sample, lines }: NonNullable<Report['proof']>): Markup[] {
  return [
    html`<p class="${passed ? 'good' : 'bad'}">${title}</p>`,
    ...(sample === '' ? [] : [html`<blockquote>${sample}</blockquote>`]),
    ...lines.map(paragraph),
  ];
}

function fileLine({ path, bytes, sha256 }: Report['files'][number]): Markup {
  return html`<span class="path">${path}</span>,
    ${formatFileSize(bytes)}${sha256 === null ? null : html`, SHA-256 <code>${sha256}</code>`}`;
}
