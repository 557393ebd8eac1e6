// The default number of threads follows what other processes leave.
import { expect, test } from 'vitest';
import { defaultThreads, physicalCores, threadsBeside } from '../../src-main/llama-host/native/threads.ts';

test.each([
  [0, 8, 8],
  [0.4, 8, 8],
  [1.2, 8, 7],
  [7.9, 8, 1],
  [64, 8, 1],
  [0, 1, 1],
])('%f busy processors beside %i cores leave %i', (busy, cores, threads) => {
  expect(threadsBeside(busy, cores)).toBe(threads);
});

test('this machine gets between one and all physical cores', async () => {
  const threads = await defaultThreads();
  expect(threads).toBeGreaterThanOrEqual(1);
  expect(threads).toBeLessThanOrEqual(physicalCores());
});
