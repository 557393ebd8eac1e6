// Exports to other programs and to folders: which programs there are, and for each model what was placed and what goes on.
// It outlives the pages: a copy of 20 GB goes on while the user looks at something else.
import { defineStore } from 'pinia';
import { shallowReactive, shallowRef } from 'vue';
import { AppError, type ErrorShape } from '../../src-main/contract/errors.ts';
import type { Progress } from '../../src-main/contract/progress.ts';
import {
  runnerName,
  type ExportResult,
  type ExportSource,
  type ExportTarget,
  type FoundRunner,
  type RunnerInstall,
  type UndoResult,
} from '../../src-main/contract/runners.ts';
import { useEngineStore } from './engine-store.ts';

/** An export as it was asked for; `name` and `at` where the user gave them. */
export interface ExportWish {
  to: ExportTarget;
  name?: string;
  at?: string;
  copies?: boolean;
}

export type ExportState =
  | { state: 'idle' }
  | { state: 'running'; wish: ExportWish; progress: Progress | null; isStopping: boolean }
  /** No link is possible: a copy of `bytes` is only made where the user allows it. */
  | { state: 'asking'; wish: ExportWish; bytes: number; reason: string }
  | { state: 'done'; wish: ExportWish; result: ExportResult }
  | { state: 'failed'; wish: ExportWish; error: ErrorShape }
  | { state: 'undoing'; target: string }
  | { state: 'undone'; undone: UndoResult['undone'] }
  | { state: 'stuck'; error: ErrorShape };

export const keyOf = (source: ExportSource): string => ('run' in source ? source.run : source.file);

export const useExportStore = defineStore('export', () => {
  const call = () => useEngineStore().connected().call;
  /** null until they were looked for. */
  const runners = shallowRef<readonly FoundRunner[] | null>(null);
  const refusal = shallowRef<ErrorShape | null>(null);
  const states = shallowReactive(new Map<string, ExportState>());
  /** What lies in programs and folders now, newest first. */
  const placed = shallowReactive(new Map<string, readonly RunnerInstall[]>());
  const stops = new Map<string, AbortController>();

  /** Looks for programs and for what was placed: both may have changed since. */
  async function look(source: ExportSource): Promise<void> {
    refusal.value = null;
    try {
      const [list] = await Promise.all([call()['runners.list']({}), lookForPlaced(source)]);
      ({ runners: runners.value } = list);
    } catch (error) {
      refusal.value = AppError.from(error).toShape();
    }
  }

  /** The history knows it by run; of a file it says nothing. */
  async function lookForPlaced(source: ExportSource): Promise<void> {
    if (!('run' in source)) return;
    const { installs } = await call()['history.get'](source);
    placed.set(
      source.run,
      installs.filter(({ undone }) => undone === null),
    );
  }

  const stateOf = (source: ExportSource): ExportState => states.get(keyOf(source)) ?? { state: 'idle' };

  async function send(source: ExportSource, wish: ExportWish): Promise<void> {
    const key = keyOf(source);
    if (isBusy(states.get(key))) return;
    const controller = new AbortController();
    stops.set(key, controller);
    states.set(key, { state: 'running', wish, progress: null, isStopping: false });
    const onProgress = (progress: Progress): void => {
      const now = states.get(key);
      if (now?.state === 'running') states.set(key, { ...now, progress });
    };
    const { to, name = null, at = null, copies = false } = wish;
    try {
      const request = { source, to, name, at, link: copies ? ('copy' as const) : null };
      const result = await call()['runners.export'](request, { signal: controller.signal, onProgress });
      states.set(key, { state: 'done', wish, result });
    } catch (error) {
      states.set(key, afterFailure(wish, AppError.from(error).toShape()));
    }
    stops.delete(key);
    await lookForPlaced(source).catch(() => {});
  }

  function stop(source: ExportSource): void {
    const key = keyOf(source);
    const now = states.get(key);
    if (now?.state === 'running') states.set(key, { ...now, isStopping: true });
    stops.get(key)?.abort();
  }

  /** Takes out what was placed in a program or folder, as far as it is unchanged. */
  async function undo(source: ExportSource, target: string): Promise<void> {
    const key = keyOf(source);
    if (isBusy(states.get(key))) return;
    states.set(key, { state: 'undoing', target });
    const ended = await call()
      ['runners.undo']({ source, to: targetOf(target) })
      .then<ExportState, ExportState>(
        ({ undone }) => ({ state: 'undone', undone }),
        (error: unknown) => ({ state: 'stuck', error: AppError.from(error).toShape() }),
      );
    await lookForPlaced(source).catch(() => {});
    states.set(key, ended);
  }

  /** What is told of the last export was read. */
  function forget(source: ExportSource): void {
    if (!isBusy(stateOf(source))) states.delete(keyOf(source));
  }

  return { runners, refusal, placed, look, stateOf, send, stop, undo, forget };
});

const isBusy = (state: ExportState | undefined): boolean => state?.state === 'running' || state?.state === 'undoing';

/** A target as exports are kept: a program's name, else a folder. */
export function targetOf(target: string): ExportTarget {
  const runner = runnerName.safeParse(target);
  return runner.success ? { runner: runner.data } : { folder: target };
}

/** Cancelling is what the user did; a copy that is needed is a question. */
function afterFailure(wish: ExportWish, error: ErrorShape): ExportState {
  if (error.code === 'CANCELLED') return { state: 'idle' };
  const { bytes, reason } = error.details;
  if (error.code === 'LINK_IMPOSSIBLE' && typeof bytes === 'number' && typeof reason === 'string')
    return { state: 'asking', wish, bytes, reason };
  return { state: 'failed', wish, error };
}
