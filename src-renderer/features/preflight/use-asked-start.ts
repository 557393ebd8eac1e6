// A start in two steps: what the run will take is told, then the user starts it or withdraws.
import { shallowRef, type ShallowRef } from 'vue';
import type { z } from 'zod';
import type { recipe } from '../../../src-main/contract/recipe.ts';
import { singly } from '../../stores/singly.ts';
import { askPreflight, failed, type Answer } from './ask-preflight.ts';

/** What a start is of; a screen may keep more with it. */
export interface Wish {
  recipe: z.input<typeof recipe>;
}

export interface AskedStart<W extends Wish> {
  /** A run that is not begun yet. */
  preparation: ShallowRef<(W & { answer: Answer }) | null>;
  ask: (wish: W) => Promise<void>;
  start: () => Promise<void>;
  withdraw: () => void;
}

/** `begin` starts the run, once however often the button is pressed; why it could not stays in the dialog. */
export function useAskedStart<W extends Wish>(begin: (wish: W) => Promise<void>): AskedStart<W> {
  const preparation = shallowRef(null) as ShallowRef<(W & { answer: Answer }) | null>;

  async function ask(wish: W): Promise<void> {
    const asking: W & { answer: Answer } = { ...wish, answer: { state: 'asking' } };
    preparation.value = asking;
    const answer = await askPreflight(wish.recipe);
    if (preparation.value === asking) preparation.value = { ...asking, answer }; // else it was withdrawn meanwhile
  }

  async function start(): Promise<void> {
    const prepared = preparation.value;
    if (prepared?.answer.state !== 'told') return;
    try {
      await begin(prepared);
      preparation.value = null;
    } catch (error) {
      preparation.value = { ...prepared, answer: failed(error) };
    }
  }

  function withdraw(): void {
    preparation.value = null;
  }

  return { preparation, ask, start: singly(start), withdraw };
}
