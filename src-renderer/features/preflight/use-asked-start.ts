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

/** A run that is not begun yet. */
export type Prepared<W extends Wish> = W & { answer: Answer };

export interface AskedStart<W extends Wish> {
  preparation: ShallowRef<Prepared<W> | null>;
  ask: (wish: W) => Promise<void>;
  start: () => Promise<void>;
  withdraw: () => void;
}

/** `begin` starts the run, once however often the button is pressed; why it could not stays in the dialog. */
export function useAskedStart<W extends Wish>(begin: (wish: W) => Promise<void>): AskedStart<W> {
  const preparation = shallowRef(null) as ShallowRef<Prepared<W> | null>;

  async function ask(wish: W): Promise<void> {
    const asking: Prepared<W> = { ...wish, answer: { state: 'asking' } };
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

/** The file that a recipe writes; null where it writes none. */
export const outputOf = (recipe: Wish['recipe']): string | null =>
  'output' in recipe ? (recipe.output ?? null) : null;
