// Exported Hugging Face folders: read back, the same weights bit for bit and the same logits; forms and scaling.
import { existsSync, readdirSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Decoder } from '../../../src-main/core/architectures/decoder.ts';
import { ropeDivisors } from '../../../src-main/core/architectures/rope.ts';
import { hfForm } from '../../../src-main/core/export/safetensors/hf-forms.ts';
import { llama3ScalingOf } from '../../../src-main/core/export/safetensors/llama3-scaling.ts';
import { writeSafetensorsFolder } from '../../../src-main/core/export/safetensors/write-safetensors-folder.ts';
import type {
  SafetensorsRequest,
  SafetensorsResult,
} from '../../../src-main/core/export/safetensors/write-safetensors-folder.ts';
import { readLayerTensor } from '../../../src-main/core/graph/block-weights.ts';
import { readFloats } from '../../../src-main/core/graph/float-values.ts';
import { forward } from '../../../src-main/core/graph/forward.ts';
import { nativeDequantizer } from '../../../src-main/worker/native/native-dequantizer.ts';
import { onnxRuntime } from '../../../src-main/worker/onnx/onnx-runtime.ts';
import {
  furthest,
  goldenModels,
  goldenPositions,
  goldenTokens,
  otherLayouts,
  readFloat64,
} from '../../support/golden-models.ts';
import { decoderOf } from '../../support/graph-runs.ts';
import { fixtures, sampleFolder, sampleModel } from '../../support/paths.ts';
import { failureOf, sha256 } from '../formats/temporary-folder.ts';
import { converted, newPath, plainMetadata } from './folders.ts';

const dequantize = nativeDequantizer(1);
const { signal } = new AbortController();
type Exported = SafetensorsResult & { folder: string; source: Decoder; config: Record<string, unknown> };

async function exported(file: string, more: Partial<SafetensorsRequest> = {}): Promise<Exported> {
  const source = await decoderOf(file);
  const folder = more.folder ?? newPath('model');
  const request = {
    decoder: source,
    type: 'F32' as const,
    tokenizerFrom: null,
    dequantize,
    signal,
    progress: () => {},
  };
  const result = await writeSafetensorsFolder({ ...request, ...more, folder });
  const config = JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
  return { ...result, folder, source, config };
}

/** Every weight in float32 by its part, rows of q and k in halves. */
async function weightsOf(decoder: Decoder): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  const globals = ['embeddings', 'positions', 'finalNorm', 'finalNormBias', 'lmHead', 'lmHeadBias'] as const;
  for (const role of globals) {
    const entry = decoder[role];
    if (entry) found.set(role, await readFloats(decoder.model, entry, dequantize));
  }
  for (const [layer, entries] of decoder.layers.entries()) {
    for (const role of entries.keys()) {
      found.set(`${layer} ${role}`, await readLayerTensor(decoder, [layer, role], dequantize));
    }
  }
  return found;
}

const fixture = (name: string): string => path.join(fixtures, `gguf/${name}.gguf`);
const gqa = fixture('llama-gqa-f32');

describe('weights', () => {
  test.each([gqa, fixture('llama-gqa-q8_0'), fixture('llama3-rope-f32')])(
    'F32 of a GGUF comes back bit for bit: %s',
    async (file) => {
      const { folder, source } = await exported(file);
      const back = await decoderOf(folder);
      expect(back.architecture.name).toBe('llama');
      expect(back.config).toEqual({ ...source.config, ropeScaling: back.config.ropeScaling });
      expect(await weightsOf(back)).toEqual(await weightsOf(source));
    },
  );

  test.skipIf(!goldenModels).each(['llama-tied', 'qwen2', 'mistral', 'qwen3', 'llama3-rope', ...otherLayouts])(
    'a folder as a folder: %s',
    async (name) => {
      const file = path.join(goldenModels!, name);
      const { folder, source, config } = await exported(file);
      const back = await decoderOf(folder);
      expect(back.config).toEqual(source.config);
      expect(await weightsOf(back)).toEqual(await weightsOf(source));
      const names = ({ model }: Decoder): string[] => model.tensors.map((entry) => entry.name).toSorted();
      expect(names(back)).toEqual(names(source));
      const own = JSON.parse(readFileSync(path.join(file, 'config.json'), 'utf8')) as object;
      expect(config).toEqual({ ...own, torch_dtype: 'float32' });
    },
  );

  test.skipIf(!goldenModels).each([
    ['llama-gqa-f32', 'llama-gqa'],
    ['llama3-rope-f32', 'llama3-rope'],
  ])('golden logits of %s.gguf from its folder', async (name, golden) => {
    const { folder } = await exported(fixture(name));
    const windows = goldenTokens(golden);
    const positions = goldenPositions(windows[0]!.length);
    const { rows } = await forward({
      decoder: await decoderOf(folder),
      windows,
      positions,
      rowKind: 'logits',
      nll: false,
      runtime: onnxRuntime({ threads: 1 }),
      dequantize,
      signal,
    });
    const expected = readFloat64(path.join(goldenModels!, golden, 'dense.safetensors'), 'logits');
    expect(furthest(rows, expected)).toBeLessThan(1e-3);
  });

  test('shards: each within its bound, one checksum as sha256sum gives it', async () => {
    const { folder, fileBytes, sha256: sum, source } = await exported(gqa, { maxShardBytes: 200_000 });
    const names = readdirSync(folder).filter((name) => name.endsWith('.safetensors'));
    expect(names.length).toBeGreaterThan(3);
    expect(names[0]).toBe(`model-00001-of-${String(names.length).padStart(5, '0')}.safetensors`);
    expect(existsSync(path.join(folder, 'model.safetensors.index.json'))).toBe(true);
    const contents = names.map((name) => readFileSync(path.join(folder, name)));
    expect(fileBytes).toBe(contents.reduce((bytes, content) => bytes + content.length, 0));
    expect(sum).toBe(sha256(Buffer.from(contents.map((content, i) => `${sha256(content)}  ${names[i]}\n`).join(''))));
    expect(await weightsOf(await decoderOf(folder))).toEqual(await weightsOf(source));
  });

  test.each([
    ['F16', 2 ** -11],
    ['BF16', 2 ** -8],
  ] as const)('%s rounds matrices and leaves vectors', async (type, error) => {
    const { folder, source, config } = await exported(gqa, { type });
    const back = await decoderOf(folder);
    expect(config['torch_dtype']).toBe(type === 'F16' ? 'float16' : 'bfloat16');
    const [found, expected] = [await weightsOf(back), await weightsOf(source)];
    expect(found.get('0 attentionNorm')).toEqual(expected.get('0 attentionNorm'));
    const [row, wanted] = [found.get('0 q')!, expected.get('0 q')!];
    expect(row).not.toEqual(wanted);
    const worst = wanted.reduce(
      (most, value, i) => Math.max(most, Math.abs(row[i]! - value) - Math.abs(value) * error),
      0,
    );
    expect(worst).toBeLessThan(2 ** -24);
  });
});

describe('config.json of a GGUF', () => {
  test('says sizes, scaling and special tokens', async () => {
    expect((await exported(gqa)).config).toEqual({
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      attention_bias: false,
      mlp_bias: false,
      bos_token_id: 1,
      eos_token_id: 2,
      pad_token_id: null,
      head_dim: 16,
      hidden_act: 'silu',
      hidden_size: 64,
      intermediate_size: 160,
      max_position_embeddings: 128,
      num_attention_heads: 4,
      num_hidden_layers: 4,
      num_key_value_heads: 2,
      rms_norm_eps: 1e-5,
      rope_scaling: null,
      rope_theta: 10_000,
      tie_word_embeddings: false,
      torch_dtype: 'float32',
      vocab_size: 512,
    });
    expect((await exported(fixture('llama3-rope-f32'))).config['rope_scaling']).toEqual({
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 32,
    });
  });

  test.each([
    [8192, 8, 500_000, 128],
    [8192, 32, 500_000, 64],
    [2048, 4, 100_000, 64],
    // One frequency kept, one slowed down, none between.
    [8192, 8, 1e8, 4],
  ])('Llama 3 scaling of %i tokens by %i is told from its divisors', (originalContext, factor, theta, headDim) => {
    const scaling = { originalContext, factor, lowFreqFactor: 1, highFreqFactor: 4 };
    const divisors = Float32Array.from(ropeDivisors(scaling, theta, headDim));
    expect(llama3ScalingOf(divisors, theta, 'm')).toEqual(scaling);
  });

  test('divisors of another kind are refused, ones are none', () => {
    const told = (divisors: Float32Array, theta: number): unknown => llama3ScalingOf(divisors, theta, 'm');
    expect(told(new Float32Array(8).fill(1), 10_000)).toBeNull();
    const refused = expect.objectContaining({ code: 'UNSUPPORTED_ARCHITECTURE' }) as Error;
    expect(() => told(new Float32Array(8).fill(2), 10_000)).toThrow(refused);
    const scaling = { originalContext: 8192, factor: 8, lowFreqFactor: 1, highFreqFactor: 8 };
    expect(() => told(Float32Array.from(ropeDivisors(scaling, 500_000, 128)), 500_000)).toThrow(refused);
  });

  test('the form follows width, biases and norms on heads', async () => {
    const base = await decoderOf(gqa);
    const withRoles = (roles: string[], hiddenSize = 64, architecture = base.architecture): Decoder => ({
      ...base,
      architecture,
      config: { ...base.config, hiddenSize },
      layers: base.layers.map(
        (entries) => new Map([...entries, ...roles.map((role) => [role, base.finalNorm] as const)]),
      ) as Decoder['layers'],
    });
    const formOf = (...options: Parameters<typeof withRoles>): unknown => hfForm(withRoles(...options))['model_type'];
    expect(formOf([])).toBe('llama');
    expect(formOf([], 50)).toBe('mistral');
    expect(hfForm(withRoles([], 50))).toMatchObject({ sliding_window: null });
    expect(formOf(['qBias', 'kBias', 'vBias'], 50)).toBe('qwen2');
    expect(hfForm(withRoles(['qBias', 'kBias', 'vBias', 'oBias']))).toMatchObject({
      model_type: 'llama',
      attention_bias: true,
    });
    expect(() => formOf(['qBias', 'kBias', 'vBias', 'oBias'], 50)).toThrow(/Write it as GGUF or ONNX/);
    expect(() => formOf([], 64, { ...base.architecture, name: 'other' })).toThrow(/other/);
    expect(() => hfForm({ ...base, layers: [base.layers[0]!, ...withRoles(['qBias']).layers.slice(1)] })).toThrow(
      /layers with different tensors/,
    );
  });
});

test('generation_config.json of a GGUF names every end of a turn', async () => {
  const read = (folder: string): unknown =>
    JSON.parse(readFileSync(path.join(folder, 'generation_config.json'), 'utf8'));
  expect(read((await exported(gqa)).folder)).toEqual({ bos_token_id: 1, eos_token_id: 2, pad_token_id: null });
  const source = await decoderOf(gqa);
  const { metadata } = source.model.gguf!;
  metadata.set('tokenizer.ggml.eot_token_id', { type: 'uint32', value: 5 });
  const { folder } = await exported(gqa, { decoder: source });
  expect(read(folder)).toMatchObject({ eos_token_id: [2, 5] });
});

describe('the folder', () => {
  test('takes the tokenizer and generation settings of a folder, and further files', async () => {
    const from = newPath('from');
    mkdirSync(from);
    const given = {
      'tokenizer.json': '{"a": 1}',
      'generation_config.json': '{}',
      'README.md': 'no',
      'merges.txt': 'x',
    };
    for (const [name, content] of Object.entries(given)) writeFileSync(path.join(from, name), content);
    const extra = { 'slicing.json': { width: 64 } };
    const { folder, hasTokenizer } = await exported(gqa, { tokenizerFrom: from, extra });
    expect(hasTokenizer).toBe(true);
    expect(readdirSync(folder).toSorted()).toEqual([
      'config.json',
      'generation_config.json',
      'merges.txt',
      'model.safetensors',
      'slicing.json',
      'tokenizer.json',
    ]);
    expect(readFileSync(path.join(folder, 'tokenizer.json'), 'utf8')).toBe('{"a": 1}');
    expect(JSON.parse(readFileSync(path.join(folder, 'slicing.json'), 'utf8'))).toEqual({ width: 64 });

    // What the next model does not have would be taken for its own.
    const again = await exported(fixture('llama3-rope-f32'), { folder, force: true, tokenizerFrom: fixtures });
    expect(again.hasTokenizer).toBe(false);
    expect(readdirSync(folder).toSorted()).toEqual(['config.json', 'model.safetensors']);
  });

  test('must be empty unless forced; its parent must be there', async () => {
    const folder = newPath('model');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'notes.txt'), 'mine');
    expect(await failureOf(exported(gqa, { folder }))).toMatchObject({ code: 'OUTPUT_EXISTS' });
    expect(readdirSync(folder)).toEqual(['notes.txt']);
    await exported(gqa, { folder, force: true });
    expect(readdirSync(folder)).toContain('notes.txt');
    expect(await failureOf(exported(gqa, { folder: path.join(folder, 'a/b') }))).toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
  });

  test('a cancel leaves nothing, an empty folder excepted that was there', async () => {
    for (const isThere of [false, true]) {
      const folder = newPath('model');
      if (isThere) mkdirSync(folder);
      const controller = new AbortController();
      const told: number[] = [];
      const progress: SafetensorsRequest['progress'] = ({ done, total }) => {
        told.push(done / total);
        if (told.length === 3) controller.abort();
      };
      expect((await failureOf(exported(gqa, { folder, signal: controller.signal, progress }))).code).toBe('CANCELLED');
      expect(told).toHaveLength(3);
      expect(existsSync(folder) ? readdirSync(folder) : null).toEqual(isThere ? [] : null);
    }
  });
});

test('a converted folder exported and converted again has the same keys', async () => {
  const { folder, hasTokenizer } = await exported(sampleModel, { type: 'F16' });
  expect(hasTokenizer).toBe(true);
  const [again, first] = [plainMetadata(await converted(folder)), plainMetadata(await converted(sampleFolder))];
  const keys = Object.keys(first).filter((key) => key.startsWith('tokenizer.') || key.startsWith('llama.'));
  expect(keys.length).toBeGreaterThan(15);
  for (const key of keys) expect(again[key], key).toEqual(first[key]);
});
