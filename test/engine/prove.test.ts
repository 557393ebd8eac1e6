// The proof of a written file against files with one structural fault each, and against a forward that is another one:
// what the two comparisons of a proof are there to catch.
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { evaluationOptions } from '../../src-main/contract/recipe.ts';
import type { Proof } from '../../src-main/contract/results.ts';
import { Children } from '../../src-main/engine/children.ts';
import { onnxPackage } from '../../src-main/engine/devices/cuda-files.ts';
import { Providers } from '../../src-main/engine/devices/providers.ts';
import type { WorkerClient } from '../../src-main/engine/children.ts';
import { findFolders } from '../../src-main/engine/folders.ts';
import type { JobContext } from '../../src-main/engine/jobs/context.ts';
import { prove } from '../../src-main/engine/stages/prove.ts';
import { openEvaluation } from '../../src-main/engine/stages/texts.ts';
import { openGguf } from '../../src-main/core/formats/gguf-reader.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { temporaryFolder } from '../llama-host/host.ts';
import { withMetadata, withTensors } from '../support/broken-models.ts';
import { inJob } from '../support/job.ts';
import { root, sampleModel } from '../support/paths.ts';
import { quiet } from '../worker/quantize-oracle.ts';

const folder = temporaryFolder();
const file = (name: string): string => path.join(folder, name);
const folders = { ...findFolders(path.join(root, 'src-main/engine'), false), home: file('home') };

const children = new Children(folders.entries);
const providers = new Providers(children, onnxPackage());

const inThisJob = <T>(work: (context: JobContext) => Promise<T>): Promise<T> =>
  inJob(
    {
      ...{ run: 'prove', folders, children, providers, threads: 1, report: () => {} },
      signal: new AbortController().signal,
    },
    work,
  );

/** `measuredKld` null: --no-evaluate, what the plan predicted is all that is known. `ownModel`: what our own forward reads instead. */
function proofOf(
  output: string,
  { ownModel = output, measuredKld = null as number | null, device = 'cpu' } = {},
): Promise<Proof> {
  return inThisJob(async (context) => {
    const evaluation = evaluationOptions.parse({ windows: 1, window: 128 });
    const text = await openEvaluation(context, sampleModel, evaluation, []);
    const worker = <T>(task: (client: WorkerClient) => Promise<T>): Promise<T> =>
      context.worker((client) =>
        task({
          ...client,
          blockLogProbs: (params, options) => client.blockLogProbs({ ...params, model: ownModel }, options),
        }),
      );
    const job = { ...context, worker, device: 'what ran' };
    const proof = await prove(job, {
      ...{ source: sampleModel, output, text, device },
      planned: { header: output, context: 256, kvType: 'f16' },
      expected: { predictedKld: 0.05, measuredKld },
    });
    // llama.cpp has no WebGPU: the proof runs on the processor, and the job keeps the device of its work.
    expect(job.device).toBe(device === 'webgpu' ? 'what ran' : 'cpu');
    return proof;
  });
}

/** Rows of a head in halves where llama.cpp wants pairs. */
function halvesOfRows(bytes: Uint8Array, columns: number, headDim: number): Uint8Array {
  const rowBytes = columns * 2;
  const result = new Uint8Array(bytes.length);
  for (let row = 0; row * rowBytes < bytes.length; row += 1) {
    const within = row % headDim;
    const from = row - within + (within % (headDim / 2)) * 2 + Math.floor(within / (headDim / 2));
    result.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return result;
}

const faults: Record<string, (target: string) => Promise<void>> = {
  'rows of q and k in the wrong order': (target) =>
    withTensors(sampleModel, target, ({ name, shape }, bytes) =>
      /attn_[qk]\.weight/.test(name) ? halvesOfRows(bytes, shape[0]!, 64) : bytes,
    ),
  'a norm of another scale': (target) =>
    withTensors(sampleModel, target, ({ name }, bytes) =>
      name === 'output_norm.weight'
        ? new Uint8Array(new Float32Array(bytes.slice().buffer).map((value) => value * 1.5).buffer)
        : bytes,
    ),
  'another rope': (target) =>
    withMetadata(sampleModel, target, (metadata) =>
      metadata.set('llama.rope.freq_base', { type: 'float32', value: 100 }),
    ),
};

describe('a proof', () => {
  it('of a right file says what it was held against', async () => {
    const copy = file('copy.gguf');
    copyFileSync(sampleModel, copy);
    const proof = await proofOf(copy);
    expect(proof).toMatchObject({ passed: true, against: 'own forward', positions: 8, logProbTolerance: 0.06 });
    // F16 weights make llama.cpp round activations: two programs never agree to the last bit.
    expect(proof.maxLogProbDifference).toBeGreaterThan(0);
    expect(proof.toSource!.meanKld).toBe(0);
  });

  it('of a quantised file allows what rounded activations do, and no more', async () => {
    const quantised = file('Q8_0.gguf');
    const model = await openGguf(sampleModel);
    const { tensors } = model;
    await model.close();
    const types = Object.fromEntries(tensors.filter(({ shape }) => shape.length > 1).map(({ name }) => [name, 'Q8_0']));
    const request = { source: sampleModel, output: quantised, types, fileType: null, importance: null, threads: 1 };
    await handlers.quantize(request, quiet);
    const proof = await proofOf(quantised);
    expect(proof).toMatchObject({ passed: true, against: 'own forward', logProbTolerance: 1, tolerance: 0.02 });
    expect(proof.meanKld).toBeGreaterThan(0);
    expect(proof.meanKld).toBeLessThan(1e-3);
    const otherNorm = file('other-norm.gguf');
    await faults['a norm of another scale']!(otherNorm);
    expect(await proofOf(quantised, { ownModel: otherNorm })).toMatchObject({ passed: false, loaded: true });
  });

  it('of the source itself does not compare it with itself', async () => {
    const proof = await proofOf(sampleModel, { device: 'webgpu' });
    expect(proof).toMatchObject({ passed: true, against: 'own forward', toSource: null });
    expect(proof.maxLogProbDifference).toBeGreaterThan(0);
  });

  for (const [fault, make] of Object.entries(faults)) {
    it(`finds ${fault}, in the file and in the forward`, async () => {
      const spoiled = file(`${fault}.gguf`);
      await make(spoiled);
      // Also where evaluation measured the spoiled file and found it bad.
      const inFile = await proofOf(spoiled, { measuredKld: 0.7 });
      expect(inFile).toMatchObject({ passed: false, loaded: true });
      expect(inFile.reason).toMatch(/KL divergence to the source/);
      const inForward = await proofOf(sampleModel, { ownModel: spoiled });
      expect(inForward).toMatchObject({ passed: false, loaded: true });
      expect(inForward.reason).toMatch(/our own forward/);
    });
  }
});
