// A slicing in a folder of its own: the residual in two files, the state after every step, the finished tensors. Killed at
// any moment, it goes on at the first step that is missing and gives the same bytes.
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../../contract/errors.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import type { WeightType } from '../../formats/weight-types.ts';
import { hasSpace } from '../../formats/disk-space.ts';
import { tensorBytes } from '../../formats/ggml-types.ts';
import { residualShape } from '../../graph/embed-windows.ts';
import { newResidual, reopenedResidual, residualPaths } from '../../graph/kept-residual.ts';
import type { ChecksummedResidual } from '../../graph/kept-residual.ts';
import { residualFileBytes } from '../../graph/residual.ts';
import { slicedTensors } from './fused-form.ts';
import { siteLayout, siteNames } from './site-widths.ts';
import type { StepState } from './slice-per-block.ts';
import { readState, writeState } from './step-state.ts';
import type { SavedState } from './step-state.ts';
import { TensorJournal } from './tensor-journal.ts';

/** The widths' own pass of the variance scheduler, and the slicing. Of the second one tensors are kept. */
export type PassName = 'spectra' | 'slice';
const passNames = ['spectra', 'slice'] as const;

export interface CheckpointsRequest {
  /** Exists; holds nothing, or what an earlier call left. */
  folder: string;
  /** Over all that decides a bit of the result. What lies in the folder of another one is dropped. */
  fingerprint: string;
  decoder: Decoder;
  windows: readonly Int32Array[];
  /** Of the tensors that are kept. */
  type: WeightType;
  signal: AbortSignal;
}

type States = Record<PassName, SavedState | null>;

const stateFile = (folder: string, pass: PassName): string => path.join(folder, `${pass}.gguf`);
const journalFile = (folder: string): string => path.join(folder, 'tensors');

export class SliceCheckpoints {
  readonly residual: ChecksummedResidual;
  readonly journal: TensorJournal;
  /** Why what an earlier call left could not be used; null where nothing was lost. */
  readonly startedOver: string | null;
  readonly #request: CheckpointsRequest;
  readonly #states: States;
  readonly #steps: number;

  private constructor(request: CheckpointsRequest, opened: Opened, startedOver: string | null) {
    this.#request = request;
    this.residual = opened.residual;
    this.journal = opened.journal;
    this.#states = opened.states;
    this.startedOver = startedOver;
    this.#steps = siteNames(siteLayout(request.decoder)).length - 1;
  }

  /** Goes on with what an earlier call left where it is whole and of the same inputs. @throws DISK_FULL; the signal's reason */
  static async open(request: CheckpointsRequest): Promise<SliceCheckpoints> {
    await removeParts(request.folder);
    try {
      return new SliceCheckpoints(request, await open(request), null);
    } catch (error) {
      if (request.signal.aborted) throw error;
      await clear(request.folder);
      return new SliceCheckpoints(request, await open(request), AppError.from(error).message);
    }
  }

  /** Where a pass goes on, and what it tells of every step. */
  pass(name: PassName): { resume: StepState | null; onStep: (state: StepState) => Promise<void> } {
    const { folder, fingerprint } = this.#request;
    return {
      resume: this.#states[name],
      onStep: (state) =>
        writeState(stateFile(folder, name), {
          ...state,
          fingerprint,
          residual: state.steps < this.#steps ? this.residual.state : null,
          tensors: name === 'slice' ? [...this.journal.entries] : [],
        }),
    };
  }

  /** `keep`: what a later call goes on with; what one finds finished, which is all but the residual; or nothing. */
  async close(keep: 'unfinished' | 'finished' | 'nothing'): Promise<void> {
    const { folder } = this.#request;
    await this.residual.close();
    await this.journal.close();
    if (keep === 'nothing') await clear(folder);
    if (keep === 'finished') for (const file of residualPaths(folder)) await rm(file, { force: true });
  }
}

interface Opened {
  residual: ChecksummedResidual;
  journal: TensorJournal;
  states: States;
}

async function open({ folder, fingerprint, decoder, windows, signal }: CheckpointsRequest): Promise<Opened> {
  const read = async (pass: PassName): Promise<SavedState | null> => {
    const state = await readState(stateFile(folder, pass), fingerprint);
    if (!state) await rm(stateFile(folder, pass), { force: true });
    return state;
  };
  const states = { spectra: await read('spectra'), slice: await read('slice') };
  const [shape, paths] = [residualShape(decoder, windows), residualPaths(folder)];
  const left = (states.slice ?? states.spectra)?.residual;
  const residual = left ? await reopenedResidual(shape, paths, left, signal) : await newResidual(shape, paths);
  try {
    const journal = await TensorJournal.open(journalFile(folder), states.slice?.tensors ?? [], signal);
    return { residual, journal, states };
  } catch (error) {
    await residual.close();
    throw error;
  }
}

/** Removes what a process was writing when it was killed. */
async function removeParts(folder: string): Promise<void> {
  const parts = (await readdir(folder)).filter((name) => name.endsWith('.part'));
  for (const name of parts) await rm(path.join(folder, name));
}

const filesIn = (folder: string): string[] => [
  ...residualPaths(folder),
  ...passNames.map((pass) => stateFile(folder, pass)),
  journalFile(folder),
];

async function clear(folder: string): Promise<void> {
  for (const file of filesIn(folder)) await rm(file, { force: true });
}

/** Whether the folder's disk takes the checkpoints of a slicing: two residuals, three bases, and at most a model that is as wide as before. */
export async function hasSpaceForCheckpoints({
  folder,
  decoder,
  windows,
  type,
}: Omit<CheckpointsRequest, 'fingerprint' | 'signal'>): Promise<boolean> {
  const layout = siteLayout(decoder);
  const { hiddenSize } = layout;
  const residualBytes = residualFileBytes(residualShape(decoder, windows));
  const full = siteNames(layout).map(() => hiddenSize);
  const modelBytes = slicedTensors(decoder, full).reduce((sum, { shape }) => sum + tensorBytes(type, shape), 0);
  const needed = residualBytes + 3 * hiddenSize ** 2 * Float64Array.BYTES_PER_ELEMENT + modelBytes;
  const sizes = await Promise.all(
    filesIn(folder).map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return hasSpace(
    journalFile(folder),
    sizes.reduce((left, size) => left - size, needed),
  );
}
