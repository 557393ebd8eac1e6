// The view models of the history: actions, pages of rows, keys, the comparison's chart and tables, the library's tree.
import { createPinia, setActivePinia } from 'pinia';
import { describe, expect, it } from 'vitest';
import type { Comparison, Experiment, LibraryModel } from '../../src-main/contract/history.ts';
import {
  comparisonTitle,
  differenceLines,
  hasOtherOriginals,
  hasOtherTexts,
  metricLines,
} from '../../src-renderer/features/history/compare-view.ts';
import { layoutChart, lettered } from '../../src-renderer/features/history/compare-chart.ts';
import { rowPages } from '../../src-renderer/features/history/row-pages.ts';
import { rowOf } from '../../src-renderer/features/history/run-row.ts';
import {
  figureInWords,
  lossInCell,
  lossWithError,
  methodInWords,
  momentInWords,
  runName,
} from '../../src-renderer/features/history/run-text.ts';
import { onDevice, runnerName } from '../../src-renderer/words/names.ts';
import { libraryTitle, modelLines } from '../../src-renderer/features/models/model-tree.ts';
import { ref } from 'vue';
import { useGridKeys } from '../../src-renderer/features/history/use-grid-keys.ts';
import { partedActions, useRunActions, type ActionRun } from '../../src-renderer/features/history/use-run-actions.ts';

const GiB = 2 ** 30;

function experimentOf(run: string, part: Partial<Experiment> = {}): Experiment {
  return {
    ...{ run, verb: 'fit', model: '/models/Big.F16.gguf', method: null, recipeHash: '', state: 'done' },
    recipe: {
      verb: 'fit',
      target: { kind: 'memory', bytes: 24 * GiB },
      plan: 'Q4_K_M',
      evaluation: { text: '/t/wiki.txt' },
    },
    ...{ created: '2026-01-02T03:04:05Z', started: null, finished: null, seconds: 60, device: 'cuda' },
    ...{ metrics: { kld: 0.02 }, standardErrors: { kld: 0.002 }, memory: null, tags: [], note: '' },
    artifacts: [{ path: '/made/x.gguf', bytes: 18e9, sha256: null, present: false }],
    ...part,
  };
}

describe('a row', () => {
  it('says what the recipe, the figures and the files say', () => {
    expect(rowOf(experimentOf('a'))).toMatchObject({
      ...{ name: 'Big.F16.gguf', type: 'Q4_K_M', bytes: 18e9, presentFile: null, loss: 0.02, lossError: 0.002 },
      ...{ text: 'wiki.txt', card: { bytes: 24 * GiB, context: 4096 } },
    });
  });

  it('knows neither card nor text of a recipe that says nothing of them', () => {
    const row = rowOf(experimentOf('a', { recipe: {}, metrics: {}, standardErrors: {}, artifacts: [] }));
    expect(row).toMatchObject({ card: null, text: null, type: null, bytes: null, loss: null });
  });

  it('is said in words', () => {
    expect(methodInWords({ verb: 'slice', method: 'per-block' })).toBe('Slice, block by block');
    expect(methodInWords({ verb: 'quantize', method: 'quantize' })).toBe('Quantise');
    expect(methodInWords({ verb: 'newer', method: null })).toBe('newer');
    expect(runName({ verb: 'fit', method: null, type: 'q6_k' })).toBe('Fit Q6_K');
    expect(runName({ verb: 'evaluate', method: null, type: null })).toBe('Measure');
    expect([onDevice('cpu'), onDevice('cuda'), onDevice('npu')]).toEqual(['on the processor', 'on CUDA', 'on npu']);
    expect([runnerName('lm-studio'), runnerName('/made/folder')]).toEqual(['LM Studio', '/made/folder']);
    expect(lossWithError(0.0213, 0.0024)).toBe('0.0213 ± 0.0024');
    expect([lossInCell(0.00469, 0.00013), lossInCell(0.0000502, 0.0000008)]).toEqual(['0.00469 ± 0.00013', '0.00005']);
    expect(figureInWords('peakMemoryBytes', 3 * GiB, null)).toBe('3.00 GiB');
    expect(figureInWords('topOneAgreement', 0.963, 0.004)).toBe('96.3% ± 0.4');
    expect(figureInWords('perplexity', 5.3142, 0.05)).toBe('5.314 ± 0.050');
    expect(figureInWords('parametersAfter', 6_800_000, null)).toBe('6,800,000');
    const now = new Date('2026-06-01T12:00:00');
    expect(momentInWords('2026-01-02T03:04:05', now)).toMatch(/^Jan 2, 03:04$/);
    expect(momentInWords('2025-01-02T03:04:05', now)).toMatch(/2025/);
  });
});

describe('what can be done with a run', () => {
  const partsOf = (run: string, part: Partial<ActionRun>) => {
    setActivePinia(createPinia());
    const { buttons, rest } = partedActions(
      useRunActions(() => {})({ run, verb: 'fit', state: 'done', presentFile: null, ...part }),
    );
    return [buttons.map(({ id }) => id), rest.map(({ id }) => id)];
  };

  it('begins on its page with what one comes for: the report, or going on; what is rare is in a menu', () => {
    const rare = ['recipe', 'csv', 'json'];
    expect(partsOf('a', { presentFile: '/o' })).toEqual([
      ['report', 'clone', 'export'],
      [...rare, 'folder', 'delete'],
    ]);
    expect(partsOf('a', { state: 'failed' })).toEqual([['resume', 'clone'], rare]);
    expect(partsOf('a', { state: 'cancelled' })).toEqual([['resume', 'clone'], rare]);
    expect(partsOf('a', { state: 'running' })).toEqual([['clone'], rare]);
    expect(partsOf('a', { verb: 'study' })).toEqual([['report', 'rows', 'clone'], rare]);
  });
});

describe('pages of rows', () => {
  function numbers(total: { count: number }) {
    const asked: number[] = [];
    const pages = rowPages<string>(
      async (offset, limit) => {
        asked.push(offset / limit);
        const rows = Array.from(
          { length: Math.max(0, Math.min(limit, total.count - offset)) },
          (_, row) => `row ${offset + row}`,
        );
        return { rows, total: total.count };
      },
      { pageSize: 10, keep: 30 },
    );
    return { asked, pages };
  }
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

  it('come from what is in view outwards, as far as is kept ahead', async () => {
    const { asked, pages } = numbers({ count: 1000 });
    await pages.open();
    await settled();
    expect(asked).toEqual([0, 1, 2, 3]);
    pages.look(500, 512);
    await settled();
    expect(asked.slice(4)).toEqual([50, 51, 52, 49, 53, 48, 54, 47]);
    expect(pages.rows.value[505]).toBe('row 505');
    expect(pages.rows.value).toHaveLength(1000);
    expect(pages.rows.value[700]).toBeUndefined();
  });

  it('stay in view while the list is read again, which may be shorter by then', async () => {
    const total = { count: 25 };
    const { pages } = numbers(total);
    await pages.open();
    await settled();
    total.count = 12;
    const again = pages.refresh();
    expect(pages.rows.value[24]).toBe('row 24');
    await again;
    expect(pages.rows.value).toHaveLength(12);
    expect(pages.total.value).toBe(12);
  });

  it('of a newer question never stand beside rows of the older one', async () => {
    let name = 'old';
    const answers: (() => void)[] = [];
    const pages = rowPages<string>(
      (offset, limit) => {
        const of = name;
        const count = of === 'old' ? 30 : 1;
        const rows = Array.from({ length: Math.max(0, Math.min(limit, count - offset)) }, () => of);
        return new Promise((resolve) => answers.push(() => resolve({ rows, total: count })));
      },
      { pageSize: 10, keep: 100 },
    );
    const opened = pages.open();
    answers[0]!();
    await opened;
    name = 'new';
    const again = pages.open(); // while the second page of the old list is on its way
    answers[1]!();
    await settled();
    for (const answer of answers.slice(3)) answer(); // what is asked for ahead of the new list's first page
    await settled();
    expect(pages.rows.value[0]).toBe('old');
    expect(pages.total.value).toBe(30);
    answers[2]!();
    await again;
    expect(pages.rows.value).toEqual(['new']);
  });

  it('of an older question are not mixed into a newer one', async () => {
    const answers: ((page: { rows: string[]; total: number }) => void)[] = [];
    const pages = rowPages<string>(() => new Promise((resolve) => answers.push(resolve)), { pageSize: 10, keep: 0 });
    const first = pages.open();
    const second = pages.open();
    answers[1]!({ rows: ['new'], total: 1 });
    answers[0]!({ rows: ['old'], total: 1 });
    await Promise.all([first, second]);
    expect(pages.rows.value).toEqual(['new']);
  });
});

describe('keys of the table', () => {
  it('move within its rows, open, select and delete', () => {
    const done: string[] = [];
    const note = (what: string) => (index: number) => void done.push(`${what} ${index}`);
    const { active, press } = useGridKeys({
      ...{ count: ref(100), pageRows: () => 10, show: note('show'), open: note('open'), toggle: note('toggle') },
      ...{ remove: note('remove'), menu: note('menu'), clear: () => false },
    });
    const plain = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
    const key = (name: string, part: Partial<typeof plain> = {}): boolean => {
      let isTaken = false;
      press({ ...plain, ...part, key: name, preventDefault: () => (isTaken = true) });
      return isTaken;
    };
    key('ArrowUp');
    expect(active.value).toBe(0);
    key('PageDown');
    key('ArrowDown');
    expect(active.value).toBe(11);
    key('End');
    key('ArrowDown');
    expect(active.value).toBe(99);
    for (const name of ['Enter', ' ', 'Delete', 'ContextMenu']) key(name);
    expect(done.filter((one) => !one.startsWith('show'))).toEqual(['open 99', 'toggle 99', 'remove 99', 'menu 99']);
    expect(key('Escape')).toBe(false); // nothing is selected: the key is for going back
    expect(key('k', { ctrlKey: true })).toBe(false);
  });
});

const comparison: Comparison = {
  runs: [
    experimentOf('a', { metrics: { kld: 0.05 }, standardErrors: { kld: 0.004 } }),
    experimentOf('b', { artifacts: [{ path: '/b', bytes: 22e9, sha256: null, present: true }] }),
    experimentOf('c', { metrics: {}, standardErrors: {} }),
    experimentOf('d', {
      metrics: { kld: 0.06 },
      standardErrors: {},
      artifacts: [{ path: '/d', bytes: 23e9, sha256: null, present: true }],
    }),
  ],
  differences: [{ setting: 'calibration.samples', values: [128, 256, null, 128] }],
  metrics: [
    { name: 'peakMemoryBytes', context: '', values: [{ value: GiB, standardError: null }, null, null, null] },
    {
      name: 'kld',
      context: 'llama.cpp, evaluation',
      values: [
        { value: 0.05, standardError: 0.004 },
        { value: 0.02, standardError: 0.002 },
        null,
        { value: 0.06, standardError: null },
      ],
    },
  ],
};

const plainValue = (value: number | null) => (value === null ? null : { value, standardError: null });

describe('a comparison', () => {
  const size = { width: 600, height: 300, margin: { top: 10, right: 10, bottom: 30, left: 50 } };

  it('has a point for every run with a size and a loss, and the front through the best', () => {
    const runs = lettered(comparison.runs.map(rowOf));
    const chart = layoutChart(runs, size)!;
    expect(chart.points.map(({ run, isBest }) => `${run.letter} ${isBest}`)).toEqual(['A true', 'B true', 'D false']);
    const [a, b, d] = chart.points;
    expect(a!.x).toBeLessThan(b!.x);
    expect(a!.y).toBeLessThan(b!.y); // more loss is higher up
    expect(a!.yHigh).toBeLessThan(a!.yLow);
    expect(d!.yHigh).toBe(d!.yLow);
    expect(chart.front).toMatch(/^M[\d.]+,[\d.]+L[\d.]+,[\d.]+$/);
    for (const { x, y } of chart.points) {
      expect(x).toBeGreaterThan(50);
      expect(x).toBeLessThan(590);
      expect(y).toBeGreaterThan(10);
      expect(y).toBeLessThan(270);
    }
    expect(chart.yTicks.length).toBeGreaterThan(1);
    expect(
      layoutChart(
        runs.filter(({ letter }) => letter === 'C'),
        size,
      ),
    ).toBeNull();
    // A loss of nothing still stands on the scale.
    expect(
      layoutChart(lettered([rowOf(experimentOf('z', { metrics: { kld: 0 }, standardErrors: { kld: 0 } }))]), size)!
        .points[0]!.y,
    ).not.toBeNaN();
  });

  it('says what differs, what was measured, and which loses least', () => {
    expect(differenceLines(comparison)).toEqual([
      { name: 'Calibration: Samples', values: ['128', '256', null, '128'] },
    ]);
    const limits = { setting: 'threads', values: [null, 4, null, 4] };
    const [a, b, ...others] = comparison.runs;
    const kept = [{ ...a!, recipe: { threads: null } }, { ...b!, recipe: { threads: 4 } }, ...others];
    // What was not limited is not the same as what had no such setting.
    expect(differenceLines({ ...comparison, runs: kept, differences: [limits] })).toEqual([
      { name: 'Threads', values: ['all', '4', null, '4'] },
    ]);
    const [first, second] = metricLines(comparison);
    expect(first).toMatchObject({
      name: 'Loss (KL divergence)',
      values: ['0.0500 ± 0.0040', '0.0200 ± 0.0020', null, '0.060'],
      best: 1,
    });
    expect(second).toMatchObject({ values: ['1.00 GiB', null, null, null], best: undefined });
    expect(comparisonTitle(comparison, ['A', 'B', 'C', 'D'])).toBe('B loses least');
    expect(hasOtherTexts(comparison)).toBe(false);
    const mixed = { ...comparison, metrics: [...comparison.metrics, { ...comparison.metrics[1]!, context: 'other' }] };
    expect(hasOtherTexts(mixed)).toBe(true);
    expect(comparisonTitle(mixed, ['A', 'B', 'C', 'D'])).toBe('4 runs side by side');
  });

  it('names no best within the combined standard error', () => {
    const value = (mean: number, standardError: number | null) => ({ value: mean, standardError });
    const of = (values: Comparison['metrics'][number]['values'], name = 'kld'): Comparison => ({
      ...comparison,
      metrics: [{ name, context: 'evaluation', values }],
    });
    const letters = ['A', 'B', 'C', 'D'];
    const near = of([value(5.341, 0.05), value(5.358, 0.05), null, value(6, 0.05)]);
    expect(metricLines(near)[0]!.best).toBeUndefined();
    expect(comparisonTitle(near, letters)).toBe('A and B cannot be told apart: they lose the same within the error');
    // 0.0707 is the combined error of two of 0.05.
    const justNear = of([value(5, 0.05), value(5.0707, 0.05), null, null]);
    expect(metricLines(justNear)[0]!.best).toBeUndefined();
    const apart = of([value(5, 0.05), value(5.0708, 0.05), null, null]);
    expect(metricLines(apart)[0]!.best).toBe(0);
    expect(comparisonTitle(apart, letters)).toBe('A loses least');
  });

  it('names no best across originals, but for what needs none', () => {
    const letters = ['A', 'B', 'C', 'D'];
    const hashes = { setting: 'modelHash', values: ['1', '2', '1', '1'] };
    const mixed = { ...comparison, differences: [hashes] };
    expect(hasOtherOriginals(comparison)).toBe(false);
    expect(hasOtherOriginals(mixed)).toBe(true);
    expect(comparisonTitle(mixed, letters)).toBe('4 runs side by side');
    expect(metricLines(mixed)[0]!.best).toBeUndefined();
    const hubs = ['a', 'b', 'a', 'a'].map((name) => `hub:o/${name}`);
    const onHub = comparison.runs.map((run, place) => ({ ...run, model: hubs[place]! }));
    expect(hasOtherOriginals({ ...comparison, runs: onHub })).toBe(true);
    const memory = { name: 'peakMemoryBytes', context: '', values: [2, 1, null, 3].map(plainValue) };
    expect(metricLines({ ...mixed, metrics: [memory] })[0]!.best).toBe(1);
    // The one of another model has no loss: the rest compare.
    const [kld] = comparison.metrics.filter(({ name }) => name === 'kld');
    const without = { ...kld!, values: kld!.values.map((one, place) => (place === 1 ? null : one)) };
    expect(comparisonTitle({ ...mixed, metrics: [without] }, letters)).toBe('A loses least');
    expect(hasOtherOriginals({ ...mixed, metrics: [without] })).toBe(false);
    // Two models held against one original are what a comparison is for.
    const runs = comparison.runs.map((run) => ({ ...run, recipe: { ...run.recipe, against: '/original.gguf' } }));
    expect(comparisonTitle({ ...mixed, runs }, letters)).toBe('B loses least');
  });
});

describe('the library as a tree', () => {
  const model = (path: string, parent: string | null, part: Partial<LibraryModel> = {}): LibraryModel => ({
    ...{ path, parent, bytes: 10, present: true, heldAt: null, loss: null, runs: 1, seen: '2026-01-01' },
    madeBy: parent === null ? null : { run: `run of ${path}`, verb: 'fit', method: null },
    ...part,
  });
  const lines = (models: LibraryModel[], all = false): string[] =>
    modelLines(models, all).map((line) => `${'  '.repeat(line.depth)}${line.model.path} ${line.madeBytes}`);

  it('puts below a model what was made from it, with what that takes', () => {
    const models = [model('b1', 'b'), model('a', null), model('b', null), model('b11', 'b1', { bytes: 4 })];
    expect(lines(models)).toEqual(['a 0', 'b 14', '  b1 4', '    b11 0']);
  });

  it('leaves out what is gone, unless something made from it is there', () => {
    const gone = { present: false };
    const models = [model('s', null, gone), model('x', 's'), model('y', 's', gone), model('z', null, gone)];
    expect(lines(models)).toEqual(['s 10', '  x 0']);
    expect(lines(models, true)).toEqual(['s 10', '  x 0', '  y 0', 'z 0']);
  });

  it('counts as there what an export still has', () => {
    const exported = { present: false, heldAt: '/runner/x' };
    expect(lines([model('s', null), model('x', 's', exported)])).toEqual(['s 10', '  x 0']);
    const many = Array.from({ length: 25 }, (_, index) => model(`x ${index}`, 's', exported));
    expect(modelLines([model('s', null), ...many], true)[0]).toMatchObject({ unlisted: 0, madeBytes: 250 });
  });

  it('lists no more than twenty of what is gone below one model, and says how many there are', () => {
    const many = Array.from({ length: 25 }, (_, index) => model(`gone ${index}`, 's', { present: false }));
    const found = modelLines([model('s', null), ...many, model('there', 's')], true);
    expect(found).toHaveLength(22);
    expect(found[0]).toMatchObject({ unlisted: 5, madeBytes: 10 });
  });

  it('is headed by what its models take, and knows that some were made though they are gone', () => {
    const library = (...models: LibraryModel[]) => ({ models, madeBytes: lines(models).length > 1 ? 10 : 0 });
    expect(libraryTitle(library(model('s', null), model('x', 's')))).toBe('Snug’s models take 10 B');
    expect(libraryTitle(library(model('s', null), model('x', 's', { present: false })))).toBe(
      'What Snug made is not there any more',
    );
    expect(libraryTitle(library(model('s', null)))).toBe('Snug has made no models yet');
  });

  it('ends with models that were made from each other', () => {
    expect(lines([model('p', 'q'), model('q', 'p')])).toEqual(['p 10', '  q 0']);
  });
});
