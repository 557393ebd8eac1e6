// Widths of sites: rounding, the SlicingConfig both ways, what is refused, and the variance scheduler against trying every
// threshold.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SlicingConfig } from '../../../../src-main/contract/results.ts';
import {
  constantWidth,
  constantWidths,
  siteNames,
  siteWidths,
  slicingConfigOf,
} from '../../../../src-main/core/slicing/per-block/site-widths.ts';
import type { SiteLayout } from '../../../../src-main/core/slicing/per-block/site-widths.ts';
import { varianceWidths } from '../../../../src-main/core/slicing/per-block/variance-widths.ts';

const sequential: SiteLayout = { hiddenSize: 64, numHiddenLayers: 3, blockLayout: 'sequential' };
const parallel: SiteLayout = { ...sequential, blockLayout: 'parallel' };

test('a width is rounded down twice, as the released code does', () => {
  expect(constantWidth(768, 0.2, 8)).toBe(608);
  expect(constantWidth(768, 0.2, 1)).toBe(614);
  expect(constantWidth(4096, 0.25, 256)).toBe(3072);
  expect(constantWidth(64, 0, 8)).toBe(64);
  expect(() => constantWidth(64, 1, 8)).toThrow('sparsity');
  expect(() => constantWidth(64, 0.2, 0)).toThrow('multiples of 0');
});

test('a share that leaves no width is refused with one that does', () => {
  expect(() => constantWidth(64, 0.95, 8)).toThrow(
    "A sparsity of 0.95 leaves 3 of the model's 64 columns, and widths are multiples of 8 (--round), so no width is left: ask for a --sparsity of at most 0.875 or a --round of at most 3.",
  );
  expect(() => constantWidth(64, 0.25, 1000)).toThrow(
    'multiples of 1000 (--round), so no width is left: ask for a --round of at most 48.',
  );
  expect(() => constantWidth(5000, 0.9999, 1)).toThrow('--sparsity of at most 0.9997.');
  expect(() => constantWidth(64, 0.999, 1000)).toThrow('less --sparsity and a smaller --round');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 300 }), (hiddenSize, round) => {
      fc.pre(round < hiddenSize);
      try {
        constantWidth(hiddenSize, 1 - 0.5 / hiddenSize, round);
        throw new Error('there is a width');
      } catch (error) {
        const most = Number(
          /--sparsity of at most ([\d.]+)\.?$/.exec((error as Error).message)![1]!.replace(/\.$/, ''),
        );
        expect(constantWidth(hiddenSize, most, round)).toBeGreaterThanOrEqual(round);
      }
    }),
  );
});

test.each([sequential, parallel])('any widths survive as a SlicingConfig ($blockLayout)', (layout) => {
  const sites = siteNames(layout).length;
  const width = fc.integer({ min: 1, max: 64 });
  fc.assert(
    fc.property(fc.array(width, { minLength: sites, maxLength: sites }), fc.boolean(), (drawn, sliceHead) => {
      const widths = sliceHead ? drawn : [...drawn.slice(0, -1), 64];
      const config = JSON.parse(JSON.stringify(slicingConfigOf(layout, widths, sliceHead))) as SlicingConfig;
      expect(siteWidths(config, layout)).toEqual(widths);
    }),
  );
});

test('a file that lost its widths has its constant one', () => {
  const lost = { ...slicingConfigOf(sequential, [], false), embedding_dimensions: {}, const_dimension: 40 };
  expect(siteWidths(lost, sequential)).toEqual([40, 40, 40, 40, 40, 40, 64]);
});

describe('widths that do not meet are refused by key', () => {
  const good = slicingConfigOf(sequential, constantWidths(sequential, 48, false), false);
  test.each<[string, Partial<SlicingConfig>]>([
    ['attention_input_dimensions', { attention_input_dimensions: { '0': 48, '1': 40, '2': 48 } }],
    ['mlp_input_dimensions', { mlp_input_dimensions: { '0': 48, '1': 48 } }],
    ['head_dimension', { head_dimension: 48 }],
    ['mlp_output_dimensions', { mlp_output_dimensions: { '0': 48, '1': 48, '2': 48 } }],
    ['hidden_size', { hiddenSize: 128, hidden_size: 128 } as Partial<SlicingConfig>],
    ['layers_num', { layers_num: 4 }],
    ['parallel_blocks', { parallel_blocks: true }],
    ['embedding_dimensions', { embedding_dimensions: {} }],
  ])('%s', (key, change) => {
    expect(() => siteWidths({ ...good, ...change }, sequential)).toThrow(key);
  });

  test('a width above the hidden size', () => {
    const wide = slicingConfigOf(sequential, [48, 48, 72, 48, 48, 48, 64], false);
    expect(() => siteWidths(wide, sequential)).toThrow('mlp_output_dimensions.0 (site layer0.mlp_out) is 72');
  });
});

describe('widths by variance', () => {
  const falling = (decay: number): Float64Array => Float64Array.from({ length: 64 }, (_, index) => decay ** index);

  test('keep the same share of every site', () => {
    const spectra = [0.5, 0.9, 0.95, 0.99, 0.8, 0.97, 0.9].map(falling);
    const found = varianceWidths(sequential, spectra, { sparsity: 0.25, round: 8, sliceHead: false });
    expect(found.widths.at(-1)).toBe(64);
    const kept = (spectrum: Float64Array, width: number): number =>
      spectrum.subarray(0, width).reduce((sum, value) => sum + value, 0) /
      spectrum.reduce((sum, value) => sum + value, 0);
    for (const [site, width] of found.widths.slice(0, -1).entries()) {
      expect(width % 8).toBe(0);
      expect(kept(spectra[site]!, width)).toBeGreaterThanOrEqual(found.retained - 1e-12);
      // One step narrower would not do.
      if (width > 8) expect(kept(spectra[site]!, width - 8)).toBeLessThan(found.retained);
    }
  });

  test('drop the smallest share that reaches the sparsity, whatever the spectra', () => {
    const spectrum = fc
      .array(fc.double({ min: 1e-9, max: 1, noNaN: true }), { minLength: 16, maxLength: 16 })
      .map((values) => Float64Array.from(values).toSorted((a, b) => b - a));
    const layout: SiteLayout = { hiddenSize: 16, numHiddenLayers: 1, blockLayout: 'sequential' };
    fc.assert(
      fc.property(
        fc.array(spectrum, { minLength: 3, maxLength: 3 }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        (spectra, sparsity) => {
          const found = varianceWidths(layout, spectra, { sparsity, round: 1, sliceHead: true });
          expect(found.sparsity).toBeGreaterThanOrEqual(sparsity);
          // Brute force: what keeps more is less sparse than asked for.
          for (let step = 1; step <= 50; step += 1) {
            const retained = found.retained + ((1 - found.retained) * step) / 50;
            if (retained <= found.retained + 1e-12) continue;
            const widths = spectra.map((values) => {
              const total = values.reduce((sum, value) => sum + value, 0);
              let tail = 0;
              let width = 16;
              while (width > 1 && tail + values[width - 1]! <= (1 - retained) * total) {
                width -= 1;
                tail += values[width]!;
              }
              return width;
            });
            const mean = widths.reduce((sum, width) => sum + 1 - width / 16, 0) / 3;
            expect(mean).toBeLessThan(sparsity);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test('for equal spectra are equal', () => {
    const spectra = Array.from({ length: 7 }, () => falling(0.9));
    const found = varianceWidths(sequential, spectra, { sparsity: 0.25, round: 8, sliceHead: true });
    expect(found).toMatchObject({ widths: Array.from({ length: 7 }, () => 48), sparsity: 0.25 });
  });
});
