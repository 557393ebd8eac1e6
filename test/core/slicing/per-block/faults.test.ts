// Numbers that go wrong stop a slice, and the error says where: layer and site or tensor, what was measured, what is expected.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Decoder } from '../../../../src-main/core/architectures/decoder.ts';
import type { TensorEntry } from '../../../../src-main/core/formats/tensor.ts';
import { checkedLinearAlgebra } from '../../../../src-main/core/linear-algebra/checked-linear-algebra.ts';
import type { EigenOutcome, LinearAlgebraKernels } from '../../../../src-main/core/linear-algebra/kernels.ts';
import type { LinearAlgebra } from '../../../../src-main/core/linear-algebra/linear-algebra.ts';
import { pcaBasis } from '../../../../src-main/core/slicing/per-block/site-basis.ts';
import { saveSliced } from '../../../../src-main/core/slicing/per-block/save-sliced.ts';
import type { PcaOptions } from '../../../../src-main/core/slicing/per-block/site-basis.ts';
import { sharedRotation } from '../../../../src-main/core/slicing/shared-rotation.ts';
import { temporaryFolder } from '../../../llama-host/host.ts';
import { goldenModels, goldenTokens } from '../../../support/golden-models.ts';
import { decoderOf } from '../../../support/graph-runs.ts';
import { constantConfig, slicedInto } from '../../../support/per-block.ts';
import { golden, ports, spoiledRuns } from '../../../support/slicing.ts';

const folder = temporaryFolder();
const { signal } = ports;

/** The machine's library, whose eigensolver ends in `outcome` at `what`. */
function endingIn(outcome: EigenOutcome, what: string): LinearAlgebra {
  const { library } = ports.linearAlgebra;
  const broken = checkedLinearAlgebra({ library, eigen: async () => outcome } as unknown as LinearAlgebraKernels);
  return {
    ...ports.linearAlgebra,
    eigh: (problem, stop) => (problem.what === what ? broken : ports.linearAlgebra).eigh(problem, stop),
  };
}

/** The machine's library, whose first vector is too long by a share that it does not see. */
const stretching = (share: number): LinearAlgebra => ({
  ...ports.linearAlgebra,
  async eigh(problem, stop) {
    const solution = await ports.linearAlgebra.eigh(problem, stop);
    for (let row = 0; row < problem.size; row += 1) solution.vectors[row * problem.size]! *= 1 + share;
    return solution;
  },
});

/** What an error has to say. */
const failure = (what: string, more: Record<string, unknown> = {}) => ({
  code: 'NUMERICAL_FAILURE',
  message: expect.stringContaining(what) as string,
  details: more,
});

const quality = (orthogonality: number, residual: number): EigenOutcome => ({
  status: 'done',
  orthogonality,
  residual,
});

const eigenFaults: [name: string, outcome: EigenOutcome, told: Record<string, unknown>][] = [
  ['does not converge', { status: 'notConverged', index: 7 }, { measured: '7', expected: 'convergence' }],
  ['loses orthogonality', quality(3e-9, 0), { measured: '3e-9', tolerance: 1e-10, quantity: 'the largest |QᵀQ - I|' }],
  ['leaves a residual', quality(0, 2e-8), { measured: '2e-8', tolerance: 1e-10 }],
  ['answers NaN', quality(NaN, 0), { measured: 'NaN', tolerance: 1e-10 }],
];

test.skipIf(!goldenModels)(
  'a site without a basis ends a slice when the weights that are written beside it have ended',
  async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    let [hasFailed, running] = [false, 0];
    const linearAlgebra: LinearAlgebra = {
      ...ports.linearAlgebra,
      async gemm(...call) {
        running += 1;
        if (hasFailed) await delay(200);
        running -= 1;
        return ports.linearAlgebra.gemm(...call);
      },
    };
    const basis = pcaBasis({ linearAlgebra, signal, orientation: 'pca', seed: 0 });
    const slicing = slicedInto(path.join(folder, 'stopped'), {
      ...{ decoder, windows: goldenTokens('llama-gqa'), widths: constantConfig(decoder, 48), linearAlgebra },
      findBasis: async (site, gram) => {
        if (site.name !== 'layer1.attn_out') return basis(site, gram);
        hasFailed = true;
        throw new Error('no basis');
      },
    });
    await expect(slicing).rejects.toThrow('no basis');
    expect(running).toBe(0);
  },
);

describe.skipIf(!goldenModels)('a slice block by block stops', () => {
  const windows = goldenModels ? goldenTokens('llama-gqa') : [];
  let made = 0;
  async function slicing(
    more: Partial<Parameters<typeof slicedInto>[1]> & Partial<Pick<PcaOptions, 'orientation' | 'precision'>>,
  ): Promise<unknown> {
    const decoder = await decoderOf(golden('llama-gqa'));
    const at = path.join(folder, String((made += 1)));
    const { orientation = 'pca', precision = 'fp64', linearAlgebra = ports.linearAlgebra } = more;
    const findBasis = pcaBasis({ linearAlgebra, signal, orientation, seed: 0, precision });
    try {
      await slicedInto(at, { decoder, windows, widths: constantConfig(decoder, 48), findBasis, ...more });
      return null;
    } catch (error) {
      expect(existsSync(at)).toBe(false);
      return error;
    }
  }

  test.each(eigenFaults)('where the eigensolver %s', async (_, outcome, told) => {
    const what = 'layer2.attn_out';
    expect(await slicing({ linearAlgebra: endingIn(outcome, what) })).toMatchObject(failure(what, { what, ...told }));
  });

  test('where directions are not orthonormal, whatever the library says', async () => {
    const first = { what: 'embed', quantity: 'the largest |QᵀQ - I|' };
    const error = await slicing({ linearAlgebra: stretching(1e-7) });
    expect(error).toMatchObject(failure('embed', { ...first, tolerance: 1e-10 }));
    expect(Number((error as { details: Record<string, unknown> }).details['measured'])).toBeCloseTo(2e-7, 9);
    expect(await slicing({ linearAlgebra: stretching(1e-3), precision: 'fp32' })).toMatchObject(
      failure('embed', { ...first, tolerance: 1e-3 }),
    );
    // Of float32 this is no more than its rounding.
    expect(await slicing({ linearAlgebra: stretching(1e-6), precision: 'fp32' })).toBeNull();
  });

  test('where an orientation is no rotation', async () => {
    const qr: LinearAlgebra['qr'] = checkedLinearAlgebra({
      ...({ library: ports.linearAlgebra.library } as LinearAlgebraKernels),
      qr: async () => 5e-9,
    }).qr;
    expect(await slicing({ linearAlgebra: { ...ports.linearAlgebra, qr }, orientation: 'random' })).toMatchObject(
      failure('embed', { measured: '5e-9', tolerance: 1e-10 }),
    );
  });

  test('at a residual that is not finite', async () => {
    let runs = 0;
    const runtime = spoiledRuns((_, outputs) => {
      runs += 1;
      if (runs === 4) (outputs['y']!.data as Float32Array).fill(-Infinity, 64, 65);
    });
    const told = { measured: '-Infinity', expected: 'finite', position: [1, 0] };
    expect(await slicing({ runtime })).toMatchObject(failure('layer1.mlp_out', { what: 'layer1.mlp_out', ...told }));
  });

  /** The decoder with one float32 of a tensor replaced. */
  async function spoiledDecoder(model: string, name: string, element: number, value = NaN): Promise<Decoder> {
    const decoder = await decoderOf(golden(model));
    const source = decoder.model;
    const spoil = (entry: TensorEntry, bytes: Uint8Array, offset: number): void => {
      // The entry may be some rows of its tensor.
      const place = 4 * (element - (entry.firstElement ?? 0)) - offset;
      if (entry.name !== name || place < 0 || place + 4 > bytes.length) return;
      bytes.set(new Uint8Array(Float32Array.of(value).buffer), place);
    };
    return {
      ...decoder,
      model: {
        ...source,
        async readInto(entry, target, offset = 0) {
          await source.readInto(entry, target, offset);
          spoil(entry, target, offset);
        },
        async read(entry, offset = 0, length = entry.bytes - offset) {
          const bytes = await source.read(entry, offset, length);
          spoil(entry, bytes, offset);
          return bytes;
        },
      },
    };
  }

  test.each([
    ['llama-gqa', 'model.embed_tokens.weight', 64 * 200 + 36],
    ['llama-gqa', 'model.layers.0.self_attn.k_proj.weight', 100],
    ['llama-gqa', 'model.layers.1.self_attn.o_proj.weight', 100],
    ['llama-gqa', 'model.layers.2.mlp.gate_proj.weight', 100],
    ['llama-gqa', 'model.layers.3.mlp.down_proj.weight', 100],
    ['llama-gqa', 'lm_head.weight', 64 * 200 + 36],
    // Of v, whose rows are behind those of q and k.
    ['phi3', 'model.layers.1.self_attn.qkv_proj.weight', 64 * 100 + 3],
  ])('%s at NaN in %s, element %d', async (name, tensor, element) => {
    expect(await slicing({ decoder: await spoiledDecoder(name, tensor, element) })).toMatchObject({
      code: 'NON_FINITE',
      message: expect.stringContaining(`${tensor} holds NaN in element ${element} at [`) as string,
      details: { tensor, element, position: expect.any(Array) as number[], value: 'NaN' },
    });
  });

  test('where a value has no form in the type, when it is written and when it is copied', async () => {
    const tensor = 'lm_head.weight';
    const huge = await spoiledDecoder('llama-gqa', tensor, 64 * 200 + 36, 1e6);
    const widths = constantConfig(huge, 48);
    const told = { code: 'NON_FINITE', message: expect.stringContaining(tensor) as string };
    // The last site keeps all 64 columns: a turned row is full of what one column had.
    const error = await slicing({ decoder: huge, widths, type: 'F16' });
    expect(error).toMatchObject({ ...told, details: { tensor, type: 'F16' } });
    const { element } = (error as { details: { element: number } }).details;
    expect(Math.floor(element / 64)).toBe(200);

    const { sliced } = await slicedInto(path.join(folder, 'f32'), { decoder: huge, windows, widths });
    const at = path.join(folder, 'f16');
    const copy = saveSliced({ ...ports, decoder: sliced, folder: at, tokenizerFrom: null, type: 'F16' });
    await expect(copy).rejects.toMatchObject({ ...told, details: { tensor, element, type: 'F16' } });
    expect(existsSync(at)).toBe(false);
  });
});

describe('a shared rotation stops', () => {
  const size = 3;
  const request = { gram: Float64Array.of(3, 0, 0, 0, 2, 0, 0, 0, 1), size, width: 2, signal };
  const what = 'the shared rotation';

  test.each(eigenFaults)('where the eigensolver %s', async (_, outcome, told) => {
    const linearAlgebra = endingIn(outcome, what);
    await expect(sharedRotation({ ...request, linearAlgebra })).rejects.toMatchObject(failure(what, { what, ...told }));
  });

  test.each([
    [1e-7, 'fp64', 1e-10],
    [1e-3, 'fp32', 1e-3],
  ] as const)('where directions are %d too long in %s', async (share, precision, tolerance) => {
    const rotation = sharedRotation({ ...request, precision, linearAlgebra: stretching(share) });
    await expect(rotation).rejects.toMatchObject(failure(what, { quantity: 'the largest |QᵀQ - I|', tolerance }));
  });

  test('where directions do not hold the energy of their eigenvalues', async () => {
    const linearAlgebra: LinearAlgebra = {
      ...ports.linearAlgebra,
      async eigh(problem, stop) {
        const solution = await ports.linearAlgebra.eigh(problem, stop);
        return { ...solution, values: solution.values.map((value) => value * 1.001) };
      },
    };
    await expect(sharedRotation({ ...request, linearAlgebra })).rejects.toMatchObject(
      failure(what, { quantity: 'the share of energy that the kept directions miss', tolerance: 1e-9 }),
    );
  });

  test('at a Gram that is not finite', async () => {
    const gram = request.gram.slice();
    gram[4] = Infinity;
    const { linearAlgebra } = ports;
    await expect(sharedRotation({ ...request, gram, linearAlgebra })).rejects.toMatchObject(
      failure(what, { position: [1, 1], measured: 'Infinity', expected: 'finite' }),
    );
  });
});
