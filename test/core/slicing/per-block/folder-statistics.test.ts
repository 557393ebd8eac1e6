// Statistics of a sliced model's forward pass against plain loops and the dense model.
import { describe, expect, test } from 'vitest';
import type { LayerStatistics } from '../../../../src-main/core/graph/block-stream.ts';
import { readFloats } from '../../../../src-main/core/graph/float-values.ts';
import type { HeadStatistics } from '../../../../src-main/core/graph/head.ts';
import { slicedForward, slicedHiddenStates } from '../../../../src-main/core/slicing/per-block/sliced-forward.ts';
import { furthest, goldenModels, goldenPositions, goldenTokens } from '../../../support/golden-models.ts';
import { decoderOf, run } from '../../../support/graph-runs.ts';
import { constantConfig, slicedInto } from '../../../support/per-block.ts';
import { newPath } from '../../../support/sliced-folders.ts';
import { golden, ports } from '../../../support/slicing.ts';

describe.skipIf(!goldenModels)('a folder of a sliced model', () => {
  const windows = goldenModels ? goldenTokens('llama-gqa') : [];
  const positions = goldenPositions(windows[0]?.length ?? 0);

  test('its forward pass gives statistics', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    const { hiddenSize, normEps } = decoder.config;
    const { sliced } = await slicedInto(newPath(), { decoder, windows, widths: constantConfig(decoder, 48, true) });
    const layers: LayerStatistics[] = [];
    const heads: HeadStatistics[] = [];
    const statistics = {
      grams: ['attentionInput', 'headInput'] as const,
      onLayer: (found: LayerStatistics) => void layers.push(found),
      onHead: (found: HeadStatistics) => void heads.push(found),
    };
    await slicedForward({ ...ports, decoder: sliced, windows, statistics, nll: false });
    /** Gram of x / sqrt(Σx²/D + eps) over rows of 48. */
    const gramOf = (rows: ArrayLike<number>): Float64Array => {
      const gram = new Float64Array(48 * 48);
      for (let start = 0; start < rows.length; start += 48) {
        const row = Array.from({ length: 48 }, (_, column) => rows[start + column]!);
        const scale = 1 / (row.reduce((sum, value) => sum + value ** 2, 0) / hiddenSize + normEps);
        row.forEach((a, i) => row.forEach((b, j) => (gram[i * 48 + j]! += a * b * scale)));
      }
      return gram;
    };
    const table = await readFloats(sliced.model, sliced.embeddings, ports.dequantize);
    const embedded = windows.flatMap((window) =>
      Array.from(window).flatMap((token) => [...table.subarray(token * 48, (token + 1) * 48)]),
    );
    const first = gramOf(embedded);
    expect(furthest(layers[0]!.grams.get('attentionInput')!, first)).toBeLessThan(2e-3);
    expect(
      furthest(
        layers[0]!.squares.get('q')!,
        first.filter((_, index) => index % 49 === 0),
      ),
    ).toBeLessThan(2e-3);
    const last = await slicedHiddenStates({ ...ports, decoder: sliced, windows });
    const head = gramOf(await last.read(0, last.windows * last.windowLength));
    expect(furthest(heads[0]!.gram!, head)).toBeLessThan(2e-3);
    expect(
      furthest(
        heads[0]!.squares,
        head.filter((_, index) => index % 49 === 0),
      ),
    ).toBeLessThan(2e-3);

    // Inputs of o and down do not turn: at full width they are those of the dense model.
    const full = await slicedInto(newPath(), { decoder, windows, widths: constantConfig(decoder, 64) });
    const [rotated, dense] = [[] as LayerStatistics[], [] as LayerStatistics[]];
    const into = (list: LayerStatistics[]) => ({
      ...{ grams: [], onHead: () => {}, onLayer: (found: LayerStatistics) => void list.push(found) },
    });
    await slicedForward({ ...ports, decoder: full.sliced, windows, statistics: into(rotated), nll: false });
    await run(decoder, windows, { statistics: into(dense), nll: false, positions });
    for (const [layer, { squares, rows }] of dense.entries()) {
      expect(rotated[layer]!.rows).toBe(rows);
      for (const role of ['o', 'down'] as const) {
        const expected = squares.get(role)!;
        const worst = furthest(rotated[layer]!.squares.get(role)!, expected) / Math.max(...expected);
        expect(worst).toBeLessThan(1e-5);
      }
    }
  });
});
