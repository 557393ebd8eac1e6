// @vitest-environment node
// Studies in the window: what a form means, what rows show, and the way from the form to rows that come in.
import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../src-main/contract/errors.ts';
import { studyKind, studyRecipe, type StudyKind } from '../../src-main/contract/recipe.ts';
import { rowsAsCsv } from '../../src-main/contract/study-rows.ts';
import { usualValues, type StudyRows } from '../../src-main/contract/study.ts';
import { checkStudy, methodOf, valuesOf } from '../../src-main/engine/jobs/studies/check-study.ts';
import { isSame, roughly } from '../../src-renderer/features/studies/figures.ts';
import { withError } from '../../src-renderer/words/numbers.ts';
import {
  draftOf,
  newStudyDraft,
  otherSettings,
  readStudy,
  usualOf,
} from '../../src-renderer/features/studies/study-draft.ts';
import { findingOf } from '../../src-renderer/features/studies/study-finding.ts';
import { expectedRows, isValue, kinds, methodsOf } from '../../src-renderer/features/studies/study-kinds.ts';
import { plotsOf } from '../../src-renderer/features/studies/study-plots.ts';
import { studyRunOf } from '../../src-renderer/features/studies/study-run.ts';
import { asMarkdown, tableOf } from '../../src-renderer/features/studies/study-table.ts';
import { useEngineStore } from '../../src-renderer/stores/engine-store.ts';
import { useJobsStore } from '../../src-renderer/stores/jobs-store.ts';
import { useNavigationStore } from '../../src-renderer/stores/navigation-store.ts';
import { useNoticeStore } from '../../src-renderer/stores/notice-store.ts';
import { useStudiesStore } from '../../src-renderer/stores/studies-store.ts';
import { layoutPoints } from '../../src-renderer/ui/charts/point-layout.ts';
import { fakeEngine, inspection } from './fake-engine.ts';
import { combinationRow, precisionRow, samplesRow, sparsityRow, speedRow } from './study-rows.ts';

const choice = { measure: 'kld', axis: 'share' } as const;
const asRecipe = (kind: StudyKind, more: object = {}) =>
  studyRecipe.parse({ verb: 'study', model: 'm', kind, ...more });

describe('the form', () => {
  it('offers every kind, and means at first what the engine does where nothing is said', () => {
    expect(kinds.toSorted()).toEqual(studyKind.options.toSorted());
    for (const kind of kinds) {
      const { settings, problems } = readStudy(newStudyDraft(kind), null);
      expect(problems, kind).toBeNull();
      const meant = studyRecipe.parse({ ...settings, model: 'm' });
      expect(() => checkStudy(meant), kind).not.toThrow();
      expect(valuesOf[kind](meant), kind).toEqual(valuesOf[kind]({ kind, values: null }));
      expect(methodOf(meant), kind).toBe(methodOf(asRecipe(kind)));
      const { values: _, types: __, method: ___, ...rest } = meant;
      expect(asRecipe(kind), kind).toMatchObject(rest);
    }
  });

  it('takes the methods that the engine takes', () => {
    for (const kind of kinds) {
      for (const method of ['shared', 'per-block'] as const) {
        const check = (): void => checkStudy(asRecipe(kind, { method }));
        if (methodsOf(kind).includes(method)) expect(check).not.toThrow();
        else expect(check).toThrow(AppError);
      }
    }
  });

  it.each<[StudyKind, string]>([
    ['sparsity', '0'],
    ['sparsity', '1'],
    ['sparsity', '-.5'],
    ['combination', '0'],
    ['combination', '.25'],
    ['speed', '0'],
    ['speed', '4'],
    ['calibration-size', '1.5'],
    ['pca-precision', 'fp16'],
    ['pca-precision', 'fp32'],
  ])('reads values of %s as the engine does: %s', (kind, text) => {
    const isTaken = ((): boolean => {
      try {
        valuesOf[kind]({ kind, values: [text] });
        return true;
      } catch {
        return false;
      }
    })();
    expect(isValue(kind, text)).toBe(isTaken);
    const { problems } = readStudy({ ...newStudyDraft(kind), values: text }, null);
    expect(problems?.values !== undefined).toBe(!isTaken);
  });

  it('says what is wrong with each field', () => {
    const draft = { ...newStudyDraft('speed'), sparsity: '2', samples: 'x', windows: '-1', text: ' ' };
    expect(Object.keys(readStudy(draft, null).problems!).toSorted()).toEqual([
      'samples',
      'sparsity',
      'text',
      'windows',
    ]);
    expect(readStudy({ ...newStudyDraft('combination'), types: ' ' }, null).problems).toHaveProperty('types');
  });

  it('a quarter is what is cut where nothing is said, so that finished rows are found', () => {
    expect(readStudy(newStudyDraft('speed'), null).settings).toMatchObject({ sparsity: null });
    expect(readStudy({ ...newStudyDraft('speed'), sparsity: '0.3' }, null).settings).toMatchObject({ sparsity: 0.3 });
  });

  it('a clone keeps what the form does not offer, and says so', () => {
    const source = asRecipe('sparsity', { precision: 'fp32', round: 16, calibration: { seed: 7, samples: 8 } });
    const { settings } = readStudy({ ...draftOf(source), values: '0.5' }, source);
    expect(studyRecipe.parse({ ...settings, model: 'm' })).toEqual({
      ...source,
      ...{ values: ['0.5'], method: 'per-block' },
    });
    expect(otherSettings(source).toSorted()).toEqual([
      'Calibration: Seed 7',
      'Precision 32 bits',
      'Width a multiple of 16',
    ]);
    expect(otherSettings(asRecipe('sparsity'))).toEqual([]);
  });

  it('knows how many rows there will be at most', () => {
    expect(expectedRows(asRecipe('sparsity', { values: ['0.1', '0.2'] }))).toBe(4);
    expect(expectedRows(asRecipe('sparsity', { values: ['0.1'], method: 'shared' }))).toBe(1);
    expect(expectedRows(asRecipe('combination', { values: ['0', '0.1'], types: ['F16', 'Q8_0', 'Q4_0'] }))).toBe(6);
    expect(expectedRows(asRecipe('pca-precision', { values: ['fp32'] }))).toBe(2);
    expect(expectedRows(asRecipe('speed'))).toBe(2 * usualValues.speed.length);
  });
});

describe('figures', () => {
  it('have the decimals that their error leaves a meaning to', () => {
    expect(withError(0.21345, 0.0051)).toBe('0.2135 ± 0.0051');
    expect(withError(61.62, 1.4)).toBe('61.6 ± 1.4');
    expect(withError(0, 0)).toBe('0');
    expect(roughly(0.21345, 0.02)).toBe('0.213');
  });

  it('are the same within twice their errors', () => {
    expect(isSame({ value: 1, error: 0.1 }, { value: 1.2, error: 0.1 })).toBe(true);
    expect(isSame({ value: 1, error: 0.1 }, { value: 1.3, error: 0.1 })).toBe(false);
  });
});

const sparsity: StudyRows = {
  kind: 'sparsity',
  rows: [
    sparsityRow({ value: 0.1, sparsity: 0.125, kld: 0.1 }),
    sparsityRow({ value: 0.1, sparsity: 0.14, kld: 0.08, scheduler: 'variance', retained: 0.95 }),
    sparsityRow({ sparsity: 0.25, kld: 0.3 }),
  ],
};
const combination: StudyRows = {
  kind: 'combination',
  rows: [
    combinationRow({ fileBytes: 9e6, kld: 0.001 }),
    combinationRow({ fileBytes: 6e6, kld: 0.02, type: 'Q4_K_M' }),
    combinationRow({ fileBytes: 7e6, kld: 0.3, sparsity: 0.2, type: 'Q8_0' }),
  ],
};

describe('plots', () => {
  it('of sparsity: two series with error bars, along the share or the size, by loss or perplexity', () => {
    const [plot] = plotsOf(sparsity, choice);
    expect(plot!.plot.series.map(({ points }) => points.length)).toEqual([2, 1]);
    expect(plot!.plot.series[0]!.points[0]).toMatchObject({ x: 0.125, y: 0.1, low: 0.1 - 0.01, high: 0.1 + 0.01 });
    expect(plot!.rows[0]).toEqual(['one width everywhere', '12.5%', '0.100 ± 0.010']);
    const [other] = plotsOf(sparsity, { measure: 'perplexity', axis: 'size' });
    expect(other!.plot.series[0]!.points[0]).toMatchObject({ x: 11e6, y: 60, low: 58, high: 62 });
  });

  it('of samples: logarithmic, with a label at each number', () => {
    const rows = [32, 128].map((samples) => samplesRow({ samples, value: samples }));
    const [plot] = plotsOf({ kind: 'calibration-size', rows }, choice);
    expect(plot!.plot).toMatchObject({ x: 'log', ticks: [32, 128] });
    const { points } = layoutPoints(plot!.plot, { width: 400, height: 200 });
    expect(points[0]!.x).toBeGreaterThan(0);
    expect(points[1]!.x).toBeLessThan(400);
  });

  it('of precision: a bar each, from nothing on', () => {
    const rows = (['fp64', 'fp32'] as const).map((value) => precisionRow({ value }));
    const [plot] = plotsOf({ kind: 'pca-precision', rows }, choice);
    expect(plot!.plot).toMatchObject({ x: 'names', y: 'zero', series: [{ mark: 'bar' }] });
    expect(plot!.formatX(1)).toBe('fp32');
  });

  it('of speed: reading and writing apart, the whole model beside the sliced one', () => {
    const rows = [speedRow({ model: 'dense', decodeTokensPerSecond: 70 }), speedRow({})];
    const plots = plotsOf({ kind: 'speed', rows }, choice);
    expect(plots.map(({ plot }) => plot.series.map(({ points }) => points[0]!.y))).toEqual([
      [1200, 1200],
      [70, 80],
    ]);
  });

  it('of a combination: the front through what nothing beats', () => {
    const [plot] = plotsOf(combination, choice);
    expect(plot!.plot.front!.map(({ x }) => x)).toEqual([6e6, 9e6]);
    expect(plot!.plot.series.map(({ points }) => points.map(({ label }) => label))).toEqual([['Q8_0', 'Q4_K_M'], ['']]);
  });

  it('stay in their field, also with one row, and with a loss of nothing on a logarithmic scale', () => {
    const size = { width: 300, height: 200 };
    const single: StudyRows[] = [
      { kind: 'sparsity', rows: [sparsityRow()] },
      { kind: 'calibration-size', rows: [samplesRow()] },
      {
        kind: 'combination',
        rows: [combinationRow({ kld: 0, kldStandardError: 0 }), combinationRow({ fileBytes: 5e6 })],
      },
    ];
    for (const study of single) {
      for (const { x, y, low, high } of layoutPoints(plotsOf(study, choice)[0]!.plot, size).points) {
        for (const place of [y, low, high]) expect(place).toBeGreaterThanOrEqual(0);
        for (const place of [y, low, high]) expect(place).toBeLessThanOrEqual(200);
        expect(x).toBeGreaterThanOrEqual(0);
        expect(x).toBeLessThanOrEqual(300);
      }
    }
    expect(plotsOf({ kind: 'sparsity', rows: [] }, choice)).toEqual([]);
  });
});

describe('the table', () => {
  it('has the figures of every row, and is copied as Markdown and CSV', () => {
    const table = tableOf(sparsity);
    expect(table.rows[1]!.slice(0, 4)).toEqual(['14%', 'by variance', '60.0 ± 2.0', '0.080 ± 0.010']);
    const lines = asMarkdown(table).split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/^\| Cut \| Widths \| Perplexity/);
    expect(rowsAsCsv(sparsity.rows).split('\n')).toHaveLength(4);
  });

  it('of precision says how far the rotation and the eigenvalues are off', () => {
    const { rows } = tableOf({ kind: 'pca-precision', rows: [precisionRow()] });
    expect(rows[0]).toContain('3.2e−15');
    expect(asMarkdown(tableOf({ kind: 'pca-precision', rows: [precisionRow()] }))).toContain('\\|QᵀQ − I\\|');
  });

  it('of a combination marks the front while rows still come', () => {
    expect(tableOf(combination).rows.map((row) => [row[1], row[3]])).toEqual([
      ['Q4_K_M', 'yes'],
      ['Q8_0', ''],
      ['Q8_0', 'yes'],
    ]);
  });
});

describe('the finding', () => {
  const said = (rows: StudyRows): string => findingOf(rows)!.text;

  it('says what the least and the most cost', () => {
    expect(said(sparsity)).toBe('Cutting 12.5% loses 0.100, cutting 25% loses 0.300');
    const [least, byVariance] = sparsity.rows.slice(0, 2);
    const begun: StudyRows = { kind: 'sparsity', rows: [least!, byVariance!] };
    expect(said(begun)).toBe('Cutting 12.5% loses 0.100; by variance 0.080');
    expect(findingOf({ kind: 'sparsity', rows: [] })).toBeNull();
  });

  it('finds the samples behind which nothing changes', () => {
    const rows = [0.5, 0.3, 0.31].map((kld, index) => samplesRow({ kld, samples: 32 * 4 ** index }));
    expect(said({ kind: 'calibration-size', rows })).toMatch(/^128 samples are enough/);
    expect(said({ kind: 'calibration-size', rows: rows.slice(0, 2) })).toMatch(/^Text helps up to the last: with 128/);
  });

  it('calls a precision worse only beyond the errors', () => {
    const rows = [precisionRow({ kld: 0.2 }), precisionRow({ value: 'fp32', kld: 0.21 })];
    expect(said({ kind: 'pca-precision', rows })).toBe('fp32 loses no more than fp64, within the errors');
    const worse = [rows[0]!, precisionRow({ value: 'fp32', kld: 0.4 })];
    expect(said({ kind: 'pca-precision', rows: worse })).toBe('fp32 loses 0.400, fp64 0.200');
  });

  it('of speed: a ratio inside the spread says nothing', () => {
    const rows = [speedRow({ model: 'dense' }), speedRow()];
    expect(findingOf({ kind: 'speed', rows })).toMatchObject({
      caution: '',
      text: expect.stringContaining('×1.15') as string,
    });
    const near = [rows[0]!, speedRow({ decodeRatio: 1.02, prefillRatio: 0.99 })];
    expect(findingOf({ kind: 'speed', rows: near })!.caution).not.toBe('');
  });

  it('of a combination: whether slicing beats quantising anywhere', () => {
    expect(said(combination)).toBe('At no size does slicing beat quantising alone');
    const sliced = {
      ...combination,
      rows: [...combination.rows, combinationRow({ fileBytes: 3e6, kld: 0.5, sparsity: 0.3 })],
    };
    expect(said(sliced)).toBe('1 of the 3 best files for their size is sliced');
  });
});

describe('a study from form to rows', () => {
  beforeEach(() => setActivePinia(createPinia()));

  async function opened(can: Partial<typeof inspection.can> = {}) {
    const engine = fakeEngine({
      inspect: () => ({ ...inspection, can: { ...inspection.can, slicePerBlock: true, ...can } }),
    });
    await useEngineStore().start(engine.open);
    const studies = useStudiesStore();
    await studies.open('/models/sample.F16.gguf');
    return { engine, studies };
  }

  it('is told what it takes, started, and shows rows as they come', async () => {
    const { engine, studies } = await opened();
    studies.pick('sparsity');
    studies.draft.values = '0.1, 0.25';
    expect(studies.canStart).toBe(true);
    await studies.prepare();
    expect(studies.preparation?.answer).toMatchObject({ state: 'told' });
    await Promise.all([studies.start(), studies.start()]);
    expect(engine.jobs).toHaveLength(1);
    expect(studies.preparation).toBeNull();
    const run = useNavigationStore().params.run!;
    expect(engine.jobs[0]!.recipe).toMatchObject({ verb: 'study', kind: 'sparsity', values: ['0.1', '0.25'] });
    const jobs = useJobsStore();
    engine.send(run, { type: 'started' });
    engine.send(run, { type: 'measured', row: sparsityRow() });
    await vi.waitFor(() =>
      expect(studyRunOf(jobs.jobs.get(run)!, null)).toMatchObject({
        state: 'running',
        rows: { rows: [sparsityRow()] },
      }),
    );
    engine.send(run, { type: 'failed', error: new AppError('OUT_OF_MEMORY', 'Too much.').toShape() });
    await vi.waitFor(() => expect(jobs.jobs.get(run)!.job.state).toBe('failed'));
    const failed = studyRunOf(jobs.jobs.get(run)!, null, [sparsityRow()]);
    expect(failed).toMatchObject({ error: { message: 'Too much.' }, rows: { rows: [sparsityRow()] } });
  });

  it('keeps its model and settings where another model cannot be read', async () => {
    const missing = new AppError('FILE_NOT_FOUND', 'There is no model in /empty.', { missing: 'model' });
    const cloned = studyRecipe.parse({ verb: 'study', kind: 'calibration-size', model: '/empty' });
    const engine = fakeEngine({
      inspect: ({ model }) => (model === '/empty' ? Promise.reject(missing) : inspection),
      'history.clone': () => ({ recipe: cloned }),
    });
    await useEngineStore().start(engine.open);
    const studies = useStudiesStore();
    await studies.open('/empty');
    expect(studies.model.state).toBe('failed'); // nothing was open
    await studies.clone('a');
    expect(studies).toMatchObject({ source: { run: 'a' }, draft: { kind: 'calibration-size' } }); // for another model

    await studies.open('/models/sample.F16.gguf');
    studies.pick('sparsity');
    const opening = studies.open('/empty');
    expect(studies).toMatchObject({ reading: { path: '/empty' }, model: { state: 'open' } });
    await opening;
    expect(studies).toMatchObject({ reading: null, model: { state: 'open', path: '/models/sample.F16.gguf' } });
    expect(useNoticeStore().notice).toMatchObject({ title: 'This is no model' });
    await studies.clone('a');
    expect(studies).toMatchObject({ source: null, draft: { kind: 'sparsity' }, model: { state: 'open' } });
  });

  it('is not started where the engine says why the model cannot be cut', async () => {
    const { studies } = await opened({ slicePerBlock: 'No graphs for "mamba".' });
    expect(studies.obstacle).toBe('No graphs for "mamba".');
    expect(studies.canStart).toBe(false);
    Object.assign(studies.draft, usualOf('combination'));
    expect(studies.obstacle).toBe('not yet'); // a shared rotation has a reason of its own
  });
});
