// Fits of a real engine that make slices, as test/engine/fit-slices.test.ts, and take longer.
import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fileOf, narrowFits } from '../support/narrow-sample.ts';

const { fit } = narrowFits();

describe('fit', () => {
  it('keeps the best without a slice where the slice measures no better', async () => {
    const result = await fit({ ...fileOf(2.31e6), importance: 'off', prove: false });
    expect(result.slices).toMatchObject({ best: 'slice-128+all-q4_1', chosen: false });
    expect(result.best).not.toContain('slice');
    expect(result.measured.map(({ id }) => id)).toEqual([result.best, 'slice-128+all-q4_1']);
    expect(result.slices.measured!.kld).toBeGreaterThan(result.measured[0]!.quality.kld!.mean);
    expect(result.slices.verdict).toMatch(/do not slice this\.$/);
    expect(result.calibration).toBeNull();
  });

  it('does not make a slice that is expected to lose more at best', async () => {
    const result = await fit({ ...fileOf(2.41e6), importance: 'off', prove: false });
    expect(result.slices).toMatchObject({ best: 'slice-128+all-q4_1', chosen: false, measured: null });
    expect(result.slices.verdict).toMatch(
      /^Slicing to 128 columns .* was not made: it is expected to lose at least 0\.0\d+/,
    );
    expect(result.seconds).not.toHaveProperty('slice');
  });

  it('makes a slice where nothing else fits', async () => {
    const result = await fit({ ...fileOf(2e6), prove: false });
    expect(result.best).toBe('slice-128+all-mxfp4');
    expect(result.slices).toMatchObject({ chosen: true, measured: { kld: result.quality!.kld!.mean } });
    expect(result.slices.verdict).toMatch(/^Nothing fits without slicing; slicing to 128 columns/);
    expect(statSync(result.output!).size).toBe(result.plan!.fileBytes);
  });

  it('makes the slice that was named, in floating point, and does not call it compared', async () => {
    const result = await fit({ ...fileOf(8e6), plan: 'slice-128', prove: false });
    expect(result.slices).toMatchObject({ best: 'slice-128', chosen: true });
    expect(result.slices.verdict).toMatch(/asked for, and was measured .* It was not compared: Q8_0 mix fits/);
    expect(statSync(result.output!).size).toBe(result.plan!.fileBytes);
  });
});
