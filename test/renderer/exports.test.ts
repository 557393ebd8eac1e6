// @vitest-environment node
// Exports in the window: what each answer of the engine becomes, and what is said of it.
import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { watch } from 'vue';
import { AppError } from '../../src-main/contract/errors.ts';
import type { ExportRequest, ExportResult, FoundRunner } from '../../src-main/contract/runners.ts';
import {
  exportError,
  isCommand,
  nextName,
  placedHow,
  placedInWords,
  progressInWords,
  shownPath,
  sortedRunners,
  targetName,
  toldTarget,
} from '../../src-renderer/features/export/export-words.ts';
import { exportedRun, fittingSource } from '../../src-renderer/features/export/exported-run.ts';
import { useEngineStore } from '../../src-renderer/stores/engine-store.ts';
import { useExportStore } from '../../src-renderer/stores/export-store.ts';
import { fakeEngine } from './fake-engine.ts';
import { fitResult } from './results.ts';

const source = { file: '/made/a.gguf' };
const toFolder = { to: { folder: '/elsewhere' } };
const runner = (name: string, found: boolean): FoundRunner => ({
  ...{ runner: 'lm-studio', name, found, program: null, folder: null, version: null, placement: 'by link', looked: [] },
});
const placed: ExportResult['placed'] = [
  { path: '/elsewhere/README.md', how: 'written', bytes: 900 },
  { path: '/elsewhere/a.gguf', how: 'hard', bytes: 18e9 },
];
const result: ExportResult = {
  ...{ target: '/elsewhere', run: null, placed, already: false, next: 'It is there.', notes: [] },
};

beforeEach(() => setActivePinia(createPinia()));

/** A store over an engine that answers exports like this. */
async function storeOver(answer: (request: ExportRequest, signal: AbortSignal) => Promise<ExportResult>) {
  const engine = fakeEngine({ 'runners.export': (request, { signal }) => answer(request, signal) });
  await useEngineStore().start(engine.open);
  return useExportStore();
}

describe('an export', () => {
  it('is done, with what to do next', async () => {
    const store = await storeOver(() => Promise.resolve(result));
    await store.send(source, toFolder);
    expect(store.stateOf(source)).toEqual({ state: 'done', wish: toFolder, result });
    store.forget(source);
    expect(store.stateOf(source).state).toBe('idle');
  });

  it('asks for a copy with its size, and makes none by itself', async () => {
    const links: unknown[] = [];
    const store = await storeOver((request) => {
      links.push(request.link);
      if (request.link === 'copy') return Promise.resolve(result);
      throw new AppError('LINK_IMPOSSIBLE', 'Add --link copy.', { bytes: 18e9, reason: 'on another disk' });
    });
    await store.send(source, toFolder);
    expect(store.stateOf(source)).toMatchObject({ state: 'asking', bytes: 18e9, reason: 'on another disk' });
    expect(links).toEqual([null]);
    await store.send(source, { ...toFolder, copies: true });
    expect(store.stateOf(source).state).toBe('done');
    expect(links).toEqual([null, 'copy']);
  });

  it('that fails says why, and one that is cancelled says nothing', async () => {
    const store = await storeOver((_request, signal) => {
      const { promise, reject } = Promise.withResolvers<ExportResult>();
      signal.addEventListener('abort', () => reject(new AppError('CANCELLED', 'Cancelled.')));
      return promise;
    });
    const sending = store.send(source, toFolder);
    await vi.waitFor(() => expect(store.stateOf(source).state).toBe('running'));
    store.stop(source);
    expect(store.stateOf(source)).toMatchObject({ isStopping: true });
    await sending;
    expect(store.stateOf(source)).toEqual({ state: 'idle' });

    setActivePinia(createPinia());
    const failing = await storeOver(() => Promise.reject(new AppError('OUTPUT_EXISTS', 'taken', { output: '/x' })));
    await failing.send(source, toFolder);
    expect(failing.stateOf(source)).toMatchObject({ state: 'failed', error: { code: 'OUTPUT_EXISTS' } });
  });
});

describe('an undo', () => {
  it('is told with what is placed now, not before it', async () => {
    const undone = [{ target: '/elsewhere', removed: placed, left: [] }];
    const install = {
      target: '/elsewhere',
      file: '/made/a.gguf',
      created: '2026-11-30T02:00:00Z',
      undone: null,
      placed,
    };
    let installs = [install];
    const engine = fakeEngine({
      'runners.undo': () => {
        installs = [];
        return { undone };
      },
      'history.get': () => ({ installs }) as never,
      'runners.list': () => ({ runners: [] }),
    });
    await useEngineStore().start(engine.open);
    const store = useExportStore();
    const run = { run: 'r' };
    await store.look(run);
    expect(store.placed.get('r')).toEqual([install]);
    const seen: string[] = [];
    const look = (now: string): void => void seen.push(`${now}, placed: ${store.placed.get('r')!.length}`);
    watch(() => store.stateOf(run).state, look, { flush: 'sync' });
    await store.undo(run, '/elsewhere');
    expect(seen).toEqual(['undoing, placed: 1', 'undone, placed: 0']);
  });
});

describe('what is said of an export', () => {
  it('is the program that was found, or why not', () => {
    const list = [runner('A', false), runner('B', true)];
    expect(sortedRunners(list)).toEqual({ found: [list[1]], missing: [list[0]] });
    expect(targetName({ runner: 'lm-studio' }, [runner('LM Studio', true)])).toBe('LM Studio');
    expect(targetName({ folder: '/a' }, [])).toBe('/a');
  });

  it('is how the model was placed, whatever small files lie beside it', () => {
    expect(placedHow(placed)).toBe('hard');
    expect(placedInWords([{ ...placed[1]!, how: 'copy' }, placed[0]!])).toBe('A copy of its own, 18.0 GB.');
    expect(
      placedHow([
        { path: 'blob', how: 'hard', bytes: 18e9 },
        { path: 'name', how: 'model', bytes: 18e9 },
      ]),
    ).toBe('model');
    expect(placedHow([])).toBe('written');
    expect(shownPath(placed)).toBe('/elsewhere/a.gguf');
    expect(shownPath([{ path: 'name', how: 'model', bytes: 1 }])).toBeNull();
  });

  it('is how far it is', () => {
    expect(progressInWords(null)).toBe('placing the files…');
    expect(progressInWords({ stage: 'copy', done: 5e9, total: 20e9, unit: 'bytes' })).toBe(
      'copying, 25%, 5.00 GB / 20.0 GB',
    );
    expect(progressInWords({ stage: 'create', done: 0, total: 0 })).toBe('the program takes it in');
  });

  it('is told once: what the outcome tells of is not listed below it', () => {
    expect(toldTarget({ state: 'done', wish: toFolder, result })).toBe('/elsewhere');
    expect(toldTarget({ state: 'undoing', target: 'lm-studio' })).toBe('lm-studio');
    expect(toldTarget({ state: 'undone', undone: [] })).toBeNull();
    expect(toldTarget({ state: 'idle' })).toBeNull();
  });

  it('is a command to copy or a sentence to read', () => {
    expect(isCommand('ollama run fitted')).toBe(true);
    expect(isCommand('Choose snug/fitted in My Models.')).toBe(false);
  });

  it('names no command where a name is taken, and nothing else is said differently', () => {
    const message = 'It is there already: choose another name with --name.';
    const taken = new AppError('OUTPUT_EXISTS', message, { output: '/lm/a.gguf' }).toShape();
    const found = [runner('LM Studio', true)];
    expect(exportError(taken, { runner: 'lm-studio' }, found).message).toMatch(
      /^\/lm\/a\.gguf .* in LM Studio, or undo/,
    );
    expect(exportError(taken, { folder: '/lm' }, found).message).toMatch(/^\/lm\/a\.gguf .*another folder/);
    const full = new AppError('DISK_FULL', 'No room.', { output: '/lm/a.gguf' }).toShape();
    expect(exportError(full, { folder: '/lm' }, found)).toEqual(full);
  });

  it('offers the next free name for one that is taken', () => {
    expect(nextName('fitted')).toBe('fitted-2');
    expect(nextName('fitted-9')).toBe('fitted-10');
  });
});

describe('what of a run can be exported', () => {
  const made = { path: '/made/a.gguf', bytes: 1, sha256: null, present: true };

  it('is the model it made, while that is there', () => {
    expect(exportedRun('r', 'fit', [made])).toEqual({ source: { run: 'r' }, isGguf: true });
    expect(exportedRun('r', 'slice', [{ ...made, path: '/made/folder' }])).toMatchObject({ isGguf: false });
    expect(exportedRun('r', 'fit', [{ ...made, present: false }])).toBeNull();
    expect(exportedRun('r', 'calibrate', [made])).toBeNull();
  });

  it('is the source where that fits as it is', () => {
    const asItIs = { verb: 'fit', value: { ...fitResult, output: null } } as const;
    expect(fittingSource(asItIs, '/models/a.gguf')).toEqual({ source: { file: '/models/a.gguf' }, isGguf: true });
    expect(fittingSource(asItIs, 'hub:a/b:c.gguf')).toBeNull();
    expect(fittingSource({ verb: 'fit', value: fitResult }, '/models/a.gguf')).toBeNull();
  });
});
