// An answer of the engine that a screen waits for: not here yet, here, or refused.
import { onMounted, shallowRef, type ShallowRef } from 'vue';
import { AppError, type ErrorShape } from '../../../src-main/contract/errors.ts';

export interface Answer<T> {
  value: ShallowRef<T | null>;
  error: ShallowRef<ErrorShape | null>;
  /** Asks again; what is in view stays until the new answer comes. */
  ask: () => Promise<void>;
}

/** Asks when the component appears. */
export function useAnswer<T>(question: () => Promise<T>): Answer<T> {
  const value: ShallowRef<T | null> = shallowRef(null);
  const error = shallowRef<ErrorShape | null>(null);

  async function ask(): Promise<void> {
    try {
      value.value = await question();
      error.value = null;
    } catch (caught) {
      error.value = AppError.from(caught).toShape();
    }
  }

  onMounted(ask);
  return { value, error, ask };
}
