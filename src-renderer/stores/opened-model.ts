// A model that an area has open, and the one that is being read to take its place.
import { shallowRef, type ShallowRef } from 'vue';
import { AppError, type ErrorShape } from '../../src-main/contract/errors.ts';
import type { Inspection } from '../../src-main/contract/model.ts';
import { modelOfFile } from '../features/model/model-path.ts';
import { useEngineStore } from './engine-store.ts';
import { useNoticeStore } from './notice-store.ts';

export type ModelState =
  | { state: 'none' }
  | { state: 'open'; path: string; inspection: Inspection }
  | { state: 'failed'; path: string; error: ErrorShape };

export interface OpenedModel {
  model: ShallowRef<ModelState>;
  /** The model that is being read; the one that is open stays until then. */
  reading: ShallowRef<{ path: string } | null>;
  /**
   * Reads a model, has `before` make room for it, and opens it. Answers whether it is open now: one that cannot be read takes
   * nobody the model that is open.
   */
  read: (file: string, before?: (inspection: Inspection) => void) => Promise<boolean>;
  /** Leaves the model that is being read; the one that is open stays. */
  stopReading: () => void;
}

export function useOpenedModel(): OpenedModel {
  const model = shallowRef<ModelState>({ state: 'none' });
  const reading = shallowRef<{ path: string } | null>(null);

  async function read(file: string, before: (inspection: Inspection) => void = () => {}): Promise<boolean> {
    const asked = { path: modelOfFile(file) };
    reading.value = asked;
    try {
      const inspection = await useEngineStore().connected().call.inspect({ model: asked.path });
      if (reading.value !== asked) return false; // another one was asked for meanwhile, or none
      reading.value = null;
      before(inspection);
      useNoticeStore().close(); // of one before that could not be read
      model.value = { state: 'open', ...asked, inspection };
      return true;
    } catch (error) {
      if (reading.value === asked) tellUnread(asked.path, AppError.from(error).toShape());
      return false;
    }
  }

  function tellUnread(path: string, error: ErrorShape): void {
    reading.value = null;
    if (model.value.state === 'open') useNoticeStore().tellError(error);
    else model.value = { state: 'failed', path, error };
  }

  function stopReading(): void {
    reading.value = null;
  }

  return { model, reading, read, stopReading };
}
