// Plans for tests, with sensible values in everything a test does not care about.
import type { Plan } from '../../src-main/contract/plan.ts';

const nothingMade = { seconds: 0, peakMemoryBytes: 0, diskBytes: 0 };

export function planFor(id: string, part: Partial<Plan> & { kld?: number; totalBytes?: number } = {}): Plan {
  const { kld = 0.1, totalBytes = 1000, ...rest } = part;
  return {
    id,
    summary: id,
    steps: id === 'source' ? [] : [{ method: 'quantize', type: id, pure: false, importance: true }],
    fileBytes: 1000,
    memory: {
      weightsBytes: totalBytes,
      kvBytes: 0,
      buffersBytes: 0,
      reserveBytes: 0,
      totalBytes,
      basis: 'llama.cpp',
      systemBytes: 0,
    },
    fits: true,
    predicted: { kld, kldLow: kld / 3, kldHigh: kld * 3, perplexityRatio: 1 + kld, basis: 'prior' },
    cost: id === 'source' ? nothingMade : { seconds: 1, peakMemoryBytes: 1, diskBytes: 1 },
    notes: [],
    ...rest,
  };
}
