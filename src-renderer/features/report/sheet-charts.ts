// The charts of a report as SVG text: they stand in a file of their own, so they carry no script and no size of a window.
import type { SiteFacts } from '../../../src-main/contract/progress.ts';
import { layoutBar, limitShare } from '../../ui/bar-layout.ts';
import { logScale, zeroScale } from '../../ui/charts/scales.ts';
import { formatLoss, formatShare } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';
import type { PlanBar } from '../plans/plan-view.ts';
import { placeOf } from '../runs/site-words.ts';
import { html, type Markup } from './html.ts';
import type { LossFigures } from './loss-figures.ts';

const words = useWords();
const width = 720;
const fixed = (value: number): string => value.toFixed(1);

/** The card as one bar, its limit a line. */
export function barChart({ segments, limitBytes, format }: PlanBar): Markup {
  const { placed, over } = layoutBar(segments, limitBytes);
  const limit = limitShare * width;
  const parts = segments.map(({ label, bytes }) => words.plans.barPart(label, format(bytes))).join(', ');
  const inWords = words.plans.barInWords(format(limitBytes), parts);
  return html`<svg viewBox="0 0 ${width} 56" role="img" aria-label="${inWords}">
    <rect class="card" x="0.5" y="20" width="${fixed(limit)}" height="32" />
    ${placed.map(
      ({ part, start, width: share, label, bytes }) =>
        html`<rect class="${part}" x="${fixed(start * width)}" y="20" width="${fixed(share * width)}" height="32"
          ><title>${label} ${format(bytes)}</title></rect
        >`,
    )}
    ${over > 0 ? html`<rect class="over" x="${fixed(limit)}" y="20" width="${fixed(over * width)}" height="32" />` : null}
    <line class="limit" x1="${fixed(limit)}" x2="${fixed(limit)}" y1="14" y2="56" />
    <text x="${fixed(limit)}" y="10" text-anchor="middle">${format(limitBytes)}</text>
  </svg>`;
}

/** A loss of less cannot be told from none. */
const leastLoss = 1e-4;

/** What was predicted, hollow with its range; what was measured, filled with its error. */
export function lossChart({ measured, predicted, inWords }: LossFigures): Markup | null {
  if (predicted === null) return null;
  const { mean, standardError } = measured;
  const values = [predicted.low, predicted.high, mean - standardError, mean + standardError];
  const least = 10 ** Math.floor(Math.log10(Math.max(leastLoss, Math.min(...values))));
  const most = 10 ** Math.ceil(Math.log10(Math.max(leastLoss * 10, ...values)));
  const side = 24;
  const scale = logScale([least, most], [side, width - side], 6);
  const place = (value: number): string => fixed(scale.place(Math.max(leastLoss, value)));
  const range = scale.place(Math.max(leastLoss, predicted.high)) - scale.place(Math.max(leastLoss, predicted.low));
  return html`<svg viewBox="0 0 ${width} 60" role="img" aria-label="${inWords}">
    <rect class="range" x="${place(predicted.low)}" y="4" width="${fixed(Math.max(1, range))}" height="10" rx="5" />
    <circle class="hollow" cx="${place(predicted.kld)}" cy="9" r="4" />
    <line class="error" x1="${place(mean - standardError)}" x2="${place(mean + standardError)}" y1="26" y2="26" />
    <circle class="filled" cx="${place(mean)}" cy="26" r="5" />
    <line class="axis" x1="${side}" x2="${width - side}" y1="38" y2="38" />
    ${scale.ticks.map((tick) => html`<text x="${place(tick)}" y="52" text-anchor="middle">${formatLoss(tick)}</text>`)}
  </svg>`;
}

/** The share of energy lost at each site that was cut. */
export function sitesChart(sites: readonly SiteFacts[]): Markup {
  const plot = { left: 56, top: 8, height: 150 };
  const pitch = (width - plot.left) / Math.max(1, sites.length);
  const most = Math.max(0, ...sites.map(({ energyLost = 0 }) => energyLost));
  const scale = zeroScale(most, [plot.top + plot.height, plot.top], 3);
  const bar = Math.max(1, Math.min(pitch - 1, 48));
  return html`<svg viewBox="0 0 ${width} 176" role="img" aria-label="${words.charts.errors.title}">
    ${scale.ticks.map(
      (tick) =>
        html`<line
            class="grid"
            x1="${plot.left}"
            x2="${width}"
            y1="${fixed(scale.place(tick))}"
            y2="${fixed(scale.place(tick))}"
          /><text x="${plot.left - 6}" y="${fixed(scale.place(tick) + 4)}" text-anchor="end"
            >${formatShare(tick)}</text
          >`,
    )}
    ${sites.map(({ name, energyLost = 0 }, index) => {
      const y = scale.place(energyLost);
      const { name: place, isFirst } = placeOf(name);
      return html`<rect
        class="${isFirst ? 'weights' : 'kv'}"
        x="${fixed(plot.left + (index + 0.5) * pitch - bar / 2)}"
        y="${fixed(y)}"
        width="${fixed(bar)}"
        height="${fixed(plot.top + plot.height - y)}"
        ><title>${place} ${formatShare(energyLost)}</title></rect
      >`;
    })}
  </svg>`;
}
