// Comparison of two models on their own block graphs: against float64 logits of an oracle of our own on the golden
// models, and against the llama host on the sample model and a quantised file of it.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { WindowComparison } from '../../src-main/contract/llama-host-api.ts';
import type { Progress } from '../../src-main/contract/progress.ts';
import { openDecoder } from '../../src-main/core/architectures/decoder.ts';
import type { Decoder } from '../../src-main/core/architectures/decoder.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import type { ModelSource } from '../../src-main/core/formats/model-source.ts';
import { embedWindows, residualShape } from '../../src-main/core/graph/embed-windows.ts';
import { openHeadSlabs } from '../../src-main/core/graph/head-slabs.ts';
import { memoryResidual } from '../../src-main/core/graph/residual.ts';
import { nextTokens, scoreTokens } from '../../src-main/core/graph/token-scores.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { nativeDequantizer } from '../../src-main/worker/native/native-dequantizer.ts';
import { onnxRuntime } from '../../src-main/worker/onnx/onnx-runtime.ts';
import { caller, exact, handlers as llama, mean, someTokens, temporaryFolder } from '../llama-host/host.ts';
import { denseFloat64, float64Logits } from '../support/float64-model.ts';
import { furthest, goldenModels, goldenTokens } from '../support/golden-models.ts';
import { sampleFolder, sampleModel } from '../support/paths.ts';
import { quiet } from './quantize-oracle.ts';

const folder = temporaryFolder();
const scratch = path.join(folder, 'scratch');
const golden = (name: string): string => path.join(goldenModels!, name);
const opened: ModelSource[] = [];
afterEach(async () => {
  for (const model of opened.splice(0)) await model.close();
});

async function decoderOf(file: string): Promise<Decoder> {
  const model = await openModel(file);
  opened.push(model);
  return openDecoder(model);
}

type Params = Parameters<typeof handlers.compareBlocks>[0];
const compare = (
  change: Partial<Params>,
  context: Parameters<typeof handlers.compareBlocks>[1] = quiet,
): ReturnType<typeof handlers.compareBlocks> =>
  handlers.compareBlocks(
    { reference: null, candidate: sampleModel, windows: [], scratch, threads: 1, provider: 'cpu', ...change },
    context,
  );

/** What the comparison has to be, from float64 logits of both sides. */
function expected(reference: Float64Array[], candidate: Float64Array[], window: Int32Array): WindowComparison {
  const tokens = window.length - 1;
  const result = {
    referenceNll: new Float32Array(tokens),
    candidateNll: new Float32Array(tokens),
    kld: new Float32Array(tokens),
    sameTop: new Uint8Array(tokens),
  };
  for (let position = 0; position < tokens; position += 1) {
    const [p, q] = [logProbs(reference[position]!), logProbs(candidate[position]!)];
    const target = window[position + 1]!;
    result.referenceNll[position] = -p[target]!;
    result.candidateNll[position] = -q[target]!;
    result.kld[position] = p.reduce((sum, value, token) => sum + Math.exp(value) * (value - q[token]!), 0);
    result.sameTop[position] = Number(p.indexOf(Math.max(...p)) === q.indexOf(Math.max(...q)));
  }
  return result;
}

function logProbs(logits: Float64Array): Float64Array {
  const most = Math.max(...logits);
  const total = most + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - most), 0));
  return logits.map((value) => value - total);
}

function expectClose(found: WindowComparison, wanted: WindowComparison): void {
  expect(furthest(found.candidateNll, wanted.candidateNll)).toBeLessThan(1e-4);
  expect(furthest(found.referenceNll!, wanted.referenceNll!)).toBeLessThan(1e-4);
  expect(furthest(found.kld!, wanted.kld!)).toBeLessThan(1e-4);
  expect(found.sameTop).toEqual(wanted.sameTop);
}

describe.skipIf(!goldenModels)('golden models against float64', () => {
  test('NLL, KL divergence and agreement per token; windows of several lengths', async () => {
    const windows = goldenTokens('llama-gqa').map((window, index) => window.subarray(0, window.length - 7 * index));
    const [reference, candidate] = [golden('llama-gqa'), golden('llama-tied')];
    const { windows: found, tokens } = await compare({ reference, candidate, windows });
    expect(tokens).toBe(windows.reduce((sum, { length }) => sum + length, 0));
    const [p, q] = [await decoderOf(reference), await decoderOf(candidate)];
    const [pLogits, qLogits] = [
      float64Logits(await denseFloat64(p), windows),
      float64Logits(await denseFloat64(q), windows),
    ];
    expect(found).toHaveLength(windows.length);
    for (const [index, window] of windows.entries()) {
      expectClose(found[index]!, expected(pLogits[index]!, qLogits[index]!, window));
    }
    const alone = await compare({ candidate, windows });
    expect(alone.windows[0]).toMatchObject({ referenceNll: null, kld: null, sameTop: null });
    expect(furthest(alone.windows[1]!.candidateNll, found[1]!.candidateNll)).toBeLessThan(1e-6);
  });

  test.each([512, 100, 7])('slabs of %d tokens of the vocabulary give the same', async (slabSize) => {
    const [p, q] = [await decoderOf(golden('llama-gqa')), await decoderOf(golden('qwen2'))];
    const windows = goldenTokens('llama-gqa');
    const dequantize = nativeDequantizer(1);
    const residuals = {
      reference: memoryResidual(residualShape(p, windows)),
      candidate: memoryResidual(residualShape(q, windows)),
    };
    // Embeddings are as good as any hidden state: the heads alone are looked at.
    await embedWindows(p, { windows }, dequantize, residuals.reference);
    await embedWindows(q, { windows }, dequantize, residuals.candidate);
    const slabs = await openHeadSlabs({
      ...{ decoders: { reference: p, candidate: q }, runtime: onnxRuntime({ threads: 1 }), dequantize, slabSize },
    });
    const targets = nextTokens(windows, windows[0]!.length);
    const { signal } = new AbortController();
    const scores = await scoreTokens({ slabs, residuals, targets, signal });
    await slabs.close();
    const headOnly = async (decoder: Decoder): Promise<Float64Array[]> =>
      float64Logits({ ...(await denseFloat64(decoder)), layers: [] }, windows).flat();
    const [pLogits, qLogits] = [await headOnly(p), await headOnly(q)];
    for (const row of [0, 1, 2, 90, targets.length - 2]) {
      const window = Int32Array.of(0, targets[row]!);
      const wanted = expected([pLogits[row]!], [qLogits[row]!], window);
      const { candidate, reference, kld } = scores;
      expect(candidate.logSumExp[row]! - candidate.targetLogit[row]!).toBeCloseTo(wanted.candidateNll[0]!, 5);
      expect(reference!.logSumExp[row]! - reference!.targetLogit[row]!).toBeCloseTo(wanted.referenceNll![0]!, 5);
      expect(kld![row]).toBeCloseTo(wanted.kld![0]!, 5);
      expect(reference!.topToken[row]).toBe(pLogits[row]!.indexOf(Math.max(...pLogits[row]!)));
      expect(candidate.topToken[row]).toBe(qLogits[row]!.indexOf(Math.max(...qLogits[row]!)));
    }
  });

  test('a model of another vocabulary is refused', async () => {
    const params = { reference: golden('llama-gqa'), candidate: golden('mistral'), windows: [Int32Array.of(1, 2)] };
    await expect(compare(params)).rejects.toMatchObject({ code: 'USAGE', message: /256 and 512 tokens/ as never });
  });
});

describe('the sample model', () => {
  const windows = [1, 2].map((seed) => someTokens(256, seed));

  test('against a quantised file of it: the llama host finds the same of the weights', async () => {
    const quantised = path.join(folder, 'sample.Q4_0.gguf');
    const expandedFile = path.join(folder, 'expanded.gguf');
    const source = await openModel(sampleModel);
    const matrices = source.tensors.filter(({ shape }) => shape.length === 2).map(({ name }) => name);
    await source.close();
    const typed = (type: string): Record<string, string> => Object.fromEntries(matrices.map((name) => [name, type]));
    const options = { fileType: null, importance: null, threads: 1 };
    await handlers.quantize({ source: sampleModel, output: quantised, types: typed('Q4_0'), ...options }, quiet);
    await handlers.quantize({ source: quantised, output: expandedFile, types: typed('F16'), ...options }, quiet);
    const [own, theirs] = [
      await compare({ reference: sampleModel, candidate: quantised, windows }),
      await llama.compare({ reference: sampleModel, candidate: expandedFile, windows, settings: exact }, caller()),
    ];
    for (const name of ['candidateNll', 'referenceNll', 'kld'] as const) {
      const [found, wanted] = [own, theirs].map((side) => mean(side.windows.flatMap((window) => [...window[name]!])));
      // Found: 1e-5 and 1e-8; F16 weights make llama.cpp round activations to F16 too.
      expect(Math.abs(found! - wanted!), name).toBeLessThan(1e-4);
    }
    const agreement = (side: typeof theirs | typeof own): number =>
      mean(side.windows.flatMap((window) => [...window.sameTop!]));
    expect(Math.abs(agreement(own) - agreement(theirs))).toBeLessThan(0.01);
  });

  test('progress counts all tokens once; a cancel stops between runs', async () => {
    const told: Progress[] = [];
    await compare(
      { reference: sampleModel, candidate: sampleFolder, windows },
      { ...quiet, progress: (report) => void told.push(report) },
    );
    expect(told.every(({ done }, index) => index === 0 || done >= told[index - 1]!.done)).toBe(true);
    expect(told.at(-1)).toMatchObject({ stage: 'evaluate', unit: 'tokens', total: 512 });
    expect(told.at(-1)!.done).toBeCloseTo(512, 6);
    const controller = new AbortController();
    const late = compare({ windows }, { signal: controller.signal, progress: () => controller.abort() });
    await expect(late).rejects.toThrow(/abort/i);
  });

  test('keeps hidden states that are too large for memory on disk meanwhile', async () => {
    // 257 MiB of hidden states of 256 columns.
    const many = Array.from({ length: 514 }, (_, index) => someTokens(512, index));
    const controller = new AbortController();
    let [reports, wasThere] = [0, false];
    const progress = (): void => {
      reports += 1;
      if (reports < 3) return;
      wasThere = existsSync(path.join(scratch, 'candidate-0-1.residual'));
      controller.abort();
    };
    await expect(compare({ windows: many }, { signal: controller.signal, progress })).rejects.toThrow(/abort/i);
    expect(wasThere).toBe(true);
    expect(existsSync(path.join(scratch, 'candidate-0-1.residual'))).toBe(false);
  });

  test('windows without a prediction are refused', async () => {
    await expect(compare({ windows: [Int32Array.of(1)] })).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('blockLogProbs', () => {
  test('are those of the llama host', async () => {
    const tokens = someTokens(128, 5);
    const positions = [0, 64, 127];
    const params = { model: sampleModel, tokens, positions };
    const { logProbs: found } = await handlers.blockLogProbs({ ...params, threads: 1, provider: 'cpu' }, quiet);
    const host = await llama.logProbs({ ...params, settings: exact }, { ...caller(), progress: () => {} });
    const likely = Array.from(host.logProbs.keys()).filter((index) => host.logProbs[index]! > Math.log(0.01));
    expect(likely.length).toBeGreaterThan(10);
    expect(Math.max(...likely.map((index) => Math.abs(found[index]! - host.logProbs[index]!)))).toBeLessThan(0.02);
    const wrong = handlers.blockLogProbs({ ...params, positions: [128], threads: 1, provider: 'cpu' }, quiet);
    await expect(wrong).rejects.toMatchObject({ code: 'USAGE' });
  });
});

test('a dense reference runs once for all candidates: what is kept of it gives the same figures', async () => {
  const windows = [someTokens(40, 1), someTokens(33, 2)];
  const keptReference = path.join(temporaryFolder(), 'dense.states');
  const request = { reference: sampleFolder, candidate: sampleModel, windows };
  const [plain, making, using] = [
    await compare(request),
    await compare({ ...request, keptReference }),
    await compare({ ...request, keptReference }),
  ];
  expect(making.windows).toEqual(plain.windows);
  expect(using.windows).toEqual(plain.windows);
  expect(using.referenceSeconds).toBeLessThan(making.referenceSeconds);
  // [windows, longest window, D] float32, and really read.
  expect(statSync(keptReference).size).toBe(2 * 40 * 256 * 4);
  writeFileSync(keptReference, new Uint8Array(2 * 40 * 256 * 4));
  const blank = await compare({ ...request, keptReference });
  expect(blank.windows[0]!.candidateNll).toEqual(plain.windows[0]!.candidateNll);
  expect(blank.windows[0]!.referenceNll).not.toEqual(plain.windows[0]!.referenceNll);
  writeFileSync(keptReference, new Uint8Array(12));
  await expect(compare({ ...request, keptReference })).rejects.toMatchObject({ code: 'INTERNAL' });
});
