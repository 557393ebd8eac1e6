// The slice of a fit is an extra: whatever keeps it from being made, what was made before stays.
import { expect, test } from 'vitest';
import { AppError } from '../../src-main/contract/errors.ts';
import type { Plan } from '../../src-main/contract/plan.ts';
import { trySlice } from '../../src-main/engine/jobs/fit-slice.ts';
import type { Made } from '../../src-main/engine/jobs/fit-work.ts';
import type { Planned } from '../../src-main/engine/planner/plan-model.ts';

const rank = { context: 512, layers: 6, by: 'file' as const };
const planOf = (kldLow: number): Plan => ({ steps: [], predicted: { kld: 1, kldLow } }) as unknown as Plan;
const best = {
  plan: planOf(0),
  measured: { quality: { kld: { mean: 0.5, standardError: 0.01, p99: 1 } } },
} as unknown as Made;
const attempt = (error: AppError): ReturnType<typeof trySlice> =>
  trySlice({ rank } as Planned, { slice: planOf(0.1), best }, () => Promise.reject(error));

test.each(['DISK_FULL', 'WORKER_CRASHED', 'OUT_OF_MEMORY', 'NON_FINITE', 'INTERNAL'] as const)(
  '%s leaves the fit without a slice, with the reason',
  async (code) => {
    expect(await attempt(new AppError(code, 'No room.'))).toMatchObject({
      made: null,
      outcome: { kind: 'not-made', because: { kind: 'failed', message: 'No room.' } },
    });
  },
);

test('a cancel ends the fit', async () => {
  await expect(attempt(new AppError('CANCELLED', 'Cancelled.'))).rejects.toMatchObject({ code: 'CANCELLED' });
});
