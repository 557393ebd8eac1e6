// What a run will take, asked before it begins.
import type { z } from 'zod';
import { AppError, type ErrorShape } from '../../../src-main/contract/errors.ts';
import type { Preflight } from '../../../src-main/contract/preflight.ts';
import type { recipe } from '../../../src-main/contract/recipe.ts';
import { useEngineStore } from '../../stores/engine-store.ts';

export type Answer =
  | { state: 'asking' }
  | { state: 'told'; preflight: Preflight }
  | { state: 'failed'; error: ErrorShape };

export const failed = (error: unknown): Answer => ({ state: 'failed', error: AppError.from(error).toShape() });

/** Asks the engine; an answer in any case. `isOutputOpen`: the user has not said yet where the output goes. */
export async function askPreflight(
  wanted: z.input<typeof recipe>,
  { signal, isOutputOpen }: { signal?: AbortSignal; isOutputOpen?: boolean } = {},
): Promise<Answer> {
  try {
    const { call } = useEngineStore().connected();
    return { state: 'told', preflight: await call['jobs.preflight']({ recipe: wanted, isOutputOpen }, { signal }) };
  } catch (error) {
    return failed(error);
  }
}
