// The machine is measured through the real ports, and leaves no file.
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { machineRates } from '../../src-main/contract/preflight.ts';
import { measureMachine } from '../../src-main/worker/tasks/measure-machine.ts';
import { temporaryFolder } from '../support/engine.ts';

it('finds rates of all kinds', async () => {
  const folder = temporaryFolder();
  const context = { signal: new AbortController().signal, progress: () => {} } as never;
  const { rates, seconds } = await measureMachine({ folder, threads: 1 }, context);
  expect(machineRates.parse(rates)).toEqual(rates);
  // A core of this century multiplies more than a hundred million numbers in a second, and less than a trillion.
  expect(rates.operationsPerSecond).toBeGreaterThan(1e8);
  expect(rates.operationsPerSecond).toBeLessThan(1e12);
  expect(rates.weightsPerSecond.legacy).toBeGreaterThan(rates.weightsPerSecond.iq);
  expect(seconds).toBeGreaterThan(0.6); // three kernels and products, each for a fifth of a second at least
  expect(readdirSync(folder)).toEqual([]);
});
