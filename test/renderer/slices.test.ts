// @vitest-environment node
// What became of the slices of a fit: every reason of the engine as a sentence of the window, in both languages.
import { afterEach, describe, expect, it } from 'vitest';
import type { SliceStep } from '../../src-main/contract/plan.ts';
import { sliceReason } from '../../src-main/contract/results.ts';
import type { MeasuredPlan, SliceOutcome } from '../../src-main/core/planning/slice-outcome.ts';
import { compareSlices } from '../../src-main/core/planning/slice-verdict.ts';
import { sliceVerdict } from '../../src-renderer/words/slice-words.ts';
import { speak } from '../../src-renderer/words/words.ts';
import { planFor } from '../support/plans.ts';

const step: SliceStep = {
  ...{ method: 'slice', kind: 'shared', width: 512, hiddenSize: 576, sparsity: 0.111, orientation: 'hadamard' },
};
const type = (name: string) => ({ method: 'quantize', type: name, pure: false, importance: true }) as const;
const slice = planFor('slice-512+q8_0', { steps: [step, type('Q8_0')], kld: 0.72 });
const unsliced = planFor('q4_0', { steps: [type('Q4_0')], kld: 0.16 });
const plans = [unsliced, slice];
const measured = (plan: MeasuredPlan['plan'], kld: number, settings = 0): MeasuredPlan => ({
  ...{ plan, loss: { kld, standardError: 0.02 }, score: kld + settings },
});
const notMade = (because: Extract<SliceOutcome, { kind: 'not-made' }>['because']): SliceOutcome => ({
  ...{ kind: 'not-made', plan: slice, because },
});
const named = { kind: 'named', measured: { kld: 0.7, standardError: 0.02 }, unsliced } as const;
const alone = (kld: number): SliceOutcome => ({ kind: 'alone', measured: { kld, standardError: 0.1 } });

const outcomes: [SliceOutcome, english: string, german: string][] = [
  [{ kind: 'fits-as-is' }, 'the model fits as it is', 'das Modell passt, wie es ist'],
  [{ kind: 'unwished' }, 'only plans without one were asked for', 'gewünscht waren nur Pläne ohne Schnitt'],
  [
    { kind: 'wished', plan: slice, measured: { kld: 0.7, standardError: 0.02 } },
    'because only slices were asked for, and was measured at a loss of 0.700',
    'weil nur Schnitte gewünscht waren; gemessen wurde ein Verlust von 0,700',
  ],
  [{ kind: 'nothing-fits' }, 'Only slices fit; only a measurement', 'Nur Schnitte passen; nur eine Messung'],
  [{ kind: 'not-measured' }, 'this run does not measure', 'dieser Lauf misst nicht'],
  [{ kind: 'none-fits' }, 'No slice was made: there is no type', 'Kein Schnitt wurde gemacht: kein Typ'],
  [notMade({ kind: 'too-large' }), 'was not made: it does not fit.', 'wurde nicht gemacht: es passt nicht.'],
  [notMade({ kind: 'nothing-to-compare' }), 'there is no measurement', 'es gibt keine Messung'],
  [
    notMade({ kind: 'too-much-memory', neededBytes: 2 ** 31, allowedBytes: 2 ** 30 }),
    'it is expected to need 2.00 GiB of memory, and this run may have 1.00 GiB.',
    'es bräuchte wohl 2,00 GiB Speicher, und dieser Lauf darf 1,00 GiB haben.',
  ],
  [notMade({ kind: 'failed', message: 'No room.' }), 'was not made: No room.', 'wurde nicht gemacht: No room.'],
  [
    { kind: 'not-expected', unsliced: measured(unsliced, 0.16) },
    'it is expected to lose at least 0.240, and “Q4_0 mix” without slicing was measured at 0.160 ± 0.020.',
    'es verlöre wohl mindestens 0,240, und für „Mischung Q4_0“ ohne Schnitt wurde 0,160 ± 0,020 gemessen.',
  ],
  [
    { kind: 'compared', slice: measured(slice, 0.2), unsliced: measured(unsliced, 0.16, 0.3) },
    'loses 0.160 ± 0.020 (its settings count 0.300 more). The slice is better and was chosen.',
    'verliert 0,160 ± 0,020 (dazu 0,300 für seine Einstellungen). Der Schnitt ist besser und wurde gewählt.',
  ],
  [
    { kind: 'compared', slice: measured(slice, 0.15), unsliced: measured(unsliced, 0.16) },
    'so the slice was not chosen.',
    'darum wurde der Schnitt nicht gewählt.',
  ],
  [
    { kind: 'compared', slice: measured(slice, 0.7), unsliced: measured(unsliced, 0.16) },
    '“Sliced to 512 of 576 columns, Q8_0 mix” was measured at a loss of 0.700 ± 0.020; “Q4_0 mix” without slicing fits and loses 0.160 ± 0.020. Do not slice this.',
    'Für „Auf 512 von 576 Spalten geschnitten, Mischung Q8_0“ wurde ein Verlust von 0,700 ± 0,020 gemessen; „Mischung Q4_0“ ohne Schnitt passt und verliert 0,160 ± 0,020. Schneide dieses Modell nicht.',
  ],
  [
    { ...named, plan: slice },
    'and was measured at a loss of 0.700 ± 0.020. It was not compared: “Q4_0 mix” fits without slicing and is expected, not measured, to lose 0.160 (0.053 to 0.480).',
    'gemessen wurde ein Verlust von 0,700 ± 0,020. Verglichen wurde nicht: „Mischung Q4_0“ passt ohne Schnitt und verliert voraussichtlich 0,160 (0,053 bis 0,480); gemessen ist das nicht.',
  ],
  [
    { ...named, plan: slice, measured: null, unsliced: null },
    'nothing fits without slicing',
    'ohne Schnitt passt nichts',
  ],
  [
    { ...named, plan: unsliced },
    'No slice was compared: only “Q4_0 mix” was asked for. “Sliced to 512',
    'Kein Schnitt wurde verglichen: nur „Mischung Q4_0“ war gewünscht. „Auf 512',
  ],
  [alone(0.1), 'does, and was measured at a loss of 0.10 ± 0.10.', 'mit einem gemessenen Verlust von 0,10 ± 0,10.'],
  [alone(1.5), 'That is too much to be of use.', 'Das ist zu viel, um brauchbar zu sein.'],
];

describe('what became of slices', () => {
  afterEach(() => speak('en'));

  it.each(outcomes.map(([outcome, ...texts]) => [outcome.kind, texts, outcome] as const))(
    '%s is said as %j',
    (_kind, [english, german], outcome) => {
      const slices = compareSlices(plans, null, outcome);
      expect(sliceReason.parse(slices.reason)).toEqual(slices.reason);
      expect(sliceVerdict({ slices, plans })).toContain(english);
      speak('de');
      expect(sliceVerdict({ slices, plans })).toContain(german);
    },
  );

  it('calls one of no use from the loss on from which the engine does', () => {
    for (const [kld, isOfNoUse] of [
      [0.7, false],
      [1.5, true],
    ] as const) {
      const slices = compareSlices(plans, null, alone(kld));
      expect(sliceVerdict({ slices, plans }).includes('too much to be of use')).toBe(isOfNoUse);
      expect(slices.verdict.includes('too much to be of use')).toBe(isOfNoUse);
    }
  });

  it('is the engine’s own sentence where an older result has no reason', () => {
    const slices = { ...compareSlices(plans, null, { kind: 'fits-as-is' }), reason: undefined };
    expect(sliceVerdict({ slices, plans })).toBe(slices.verdict);
  });
});
