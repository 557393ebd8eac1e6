// Which files of a repository make up a model, and what is said where that is not clear.
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/contract/errors.ts';
import { parseHubAddress } from '../../../src-main/contract/hub-address.ts';
import { chooseFiles, ggufSets, type Choice } from '../../../src-main/engine/hub/choose.ts';

const MB = 10 ** 6;

/** A repository of files of this many megabytes. */
function choose(repository: Record<string, number>, rest = '', indexed: string[] = []): Promise<Choice> {
  const files = Object.entries(repository).map(([name, size]) => ({
    ...{ name, bytes: size * MB },
    ...{ sha256: 'a'.repeat(64), blob: 'b'.repeat(40) },
  }));
  return chooseFiles(parseHubAddress(`hub:o/n${rest}`), files, async () => indexed);
}

const namesOf = ({ weights, companions }: Choice): string[] =>
  [...weights, ...companions].map(({ name }) => name).sort();
const refused = async (choice: Promise<unknown>): Promise<AppError> =>
  choice.then(
    () => expect.fail('it was chosen'),
    (error: unknown) => AppError.from(error),
  );

const quants: Record<string, number> = {
  'm-Q4_K_M.gguf': 400,
  'm-Q8_0.gguf': 700,
  'mmproj-F16.gguf': 90,
  'm-imatrix.gguf': 5,
  'README.md': 0.01,
};

describe('a folder', () => {
  const folder = {
    'config.json': 0.001,
    'tokenizer.json': 9,
    'README.md': 0.01,
    'additional_chat_templates/tool.jinja': 0.001,
  };
  const others = {
    'pytorch_model.bin': 900,
    'onnx/model.onnx': 900,
    'original/params.json': 1,
    'training_args.json': 1,
    'tf_model.h5': 900,
  };

  it('is its weights, its config and its tokenizer, not what it is in other formats', async () => {
    const choice = await choose({ ...folder, ...others, 'model.safetensors': 900 });
    expect(namesOf(choice)).toEqual([...Object.keys(folder), 'model.safetensors'].sort());
    expect(choice).toMatchObject({ kind: 'safetensors', entry: '' });
  });

  it('has the shards that its index names, and no others', async () => {
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const repository = {
      ...folder,
      [shards[0]!]: 5,
      [shards[1]!]: 5,
      'consolidated.safetensors': 10,
      'model.safetensors.index.json': 0.01,
    };
    const choice = await choose(repository, '', shards);
    expect(choice.weights.map(({ name }) => name)).toEqual(shards);
    expect(namesOf(choice)).toContain('model.safetensors.index.json');
    expect((await refused(choose(repository, '', [...shards, 'model-00003-of-00003.safetensors']))).message).toContain(
      'names model-00003-of-00003.safetensors, which the repository does not have',
    );
  });

  it('comes before GGUF files beside it, and may be below another', async () => {
    const both = { ...folder, ...quants, 'model.safetensors': 900 };
    expect((await choose(both)).kind).toBe('safetensors');
    const nested = Object.fromEntries(Object.entries(both).map(([name, size]) => [`inner/model/${name}`, size]));
    const choice = await choose(nested, ':inner/model');
    expect(choice).toMatchObject({ kind: 'safetensors', entry: 'inner/model' });
    expect(namesOf(choice)).toHaveLength(5);
  });

  it('may be named by a file of weights', async () => {
    const choice = await choose({ ...folder, 'a.safetensors': 1, 'b.safetensors': 2 }, ':b.safetensors');
    expect(choice).toMatchObject({ entry: 'b.safetensors', weights: [{ name: 'b.safetensors' }] });
    const shards = {
      'm-00001-of-00002.safetensors': 1,
      'm-00002-of-00002.safetensors': 2,
      'x-00001-of-00002.safetensors': 3,
    };
    const sharded = await choose({ ...folder, ...shards }, ':m-00002-of-00002.safetensors');
    expect(sharded).toMatchObject({ entry: '' });
    expect(sharded.weights).toHaveLength(2);
  });

  it.each([
    [
      'pickled weights',
      { ...folder, 'pytorch_model.bin': 900 },
      'pytorch_model.bin is a pickled file, which Snug does not read',
    ],
    [
      'an adapter',
      { 'adapter_config.json': 1, 'adapter_model.safetensors': 1, 'config.json': 1 },
      'there is neither a .gguf file nor safetensors',
    ],
    ['weights without a config', { 'model.safetensors': 900 }, 'no config.json that says what they are'],
    ['nothing', {}, 'there is neither a .gguf file nor safetensors with a config.json'],
  ])('is none with %s', async (_name, repository, text) => {
    const error = await refused(choose(repository));
    expect(error).toMatchObject({ code: 'HUB_NOT_FOUND' });
    expect(error.message).toContain(text);
  });

  it('is not guessed at', async () => {
    const error = await refused(choose({ 'config.json': 1, 'a.safetensors': 100, 'b.safetensors': 200 }));
    expect(error.message).toContain('hub:o/n has 2 models: a.safetensors (100.0 MB), b.safetensors (200.0 MB)');
  });
});

describe('a GGUF', () => {
  it('is chosen where it is the only model', async () => {
    expect(namesOf(await choose({ 'm-Q8_0.gguf': 700, 'mmproj-F16.gguf': 90 }))).toEqual(['m-Q8_0.gguf']);
  });

  it.each([':m-Q8_0.gguf', ':Q8_0', ':q8_0'])('is chosen by %s', async (rest) => {
    expect(await choose(quants, rest)).toMatchObject({ kind: 'gguf', entry: 'm-Q8_0.gguf' });
  });

  it('of a type whose name others begin with is that type', async () => {
    expect((await choose({ ...quants, 'm-Q4_K.gguf': 390 }, ':q4_k')).entry).toBe('m-Q4_K.gguf');
    expect((await choose(quants, ':Q4')).entry).toBe('m-Q4_K_M.gguf');
  });

  it('is not guessed at: the choices have sizes, smallest first', async () => {
    const error = await refused(choose(quants));
    expect(error).toMatchObject({
      code: 'USAGE',
      details: { choices: [{ file: 'm-Q4_K_M.gguf', bytes: 400 * MB }, { file: 'm-Q8_0.gguf' }] },
    });
    expect(error.message).toContain(
      '2 models: m-Q4_K_M.gguf (400.0 MB), m-Q8_0.gguf (700.0 MB). Name one, as in hub:o/n:m-Q4_K_M.gguf.',
    );
  });

  it('has all its shards, by whichever is named', async () => {
    const shards = { 'Q4/m-00001-of-00002.gguf': 1, 'Q4/m-00002-of-00002.gguf': 2 };
    const repository = { ...shards, 'Q8/m-00001-of-00003.gguf': 4 };
    for (const rest of [':Q4/m-00002-of-00002.gguf', ':Q4']) {
      const choice = await choose(repository, rest);
      expect(choice.entry).toBe('Q4/m-00001-of-00002.gguf');
      expect(namesOf(choice)).toEqual(Object.keys(shards));
    }
    expect((await refused(choose(repository, ':Q8'))).message).toContain(
      'is one of 3 files, of which the repository has 1',
    );
  });

  it.each([
    [':Q5_K_M', 'HUB_NOT_FOUND', 'has no file Q5_K_M. It has m-Q4_K_S.gguf (380.0 MB), m-Q4_K_M.gguf (400.0 MB),'],
    // A word, not a part of one.
    [':Q', 'HUB_NOT_FOUND', 'has no file Q'],
    [':K', 'USAGE', 'has 2 models'],
    [':m', 'USAGE', 'has 3 models'],
    [':README.md', 'USAGE', 'is no model'],
  ])('%s: %s', async (rest, code, text) => {
    const error = await refused(choose({ ...quants, 'm-Q4_K_S.gguf': 380 }, rest));
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
  });
});

describe('a repository of very many files', () => {
  const many = 50_000;
  const file = (name: string) => ({ name, bytes: 1, sha256: null, blob: 'b'.repeat(40) });

  it('is sorted into its models in time that grows with it, not with its square', () => {
    const single = Array.from({ length: many }, (_, index) => file(`m-${index}.gguf`));
    const shards = Array.from({ length: many }, (_, index) =>
      file(`s-${String(index + 1).padStart(5, '0')}-of-${many}.gguf`),
    );
    const start = performance.now();
    const sets = ggufSets([...single, ...shards]);
    // By the square it was 5.8 s for 20,001 files.
    expect(performance.now() - start).toBeLessThan(5000);
    expect(sets).toHaveLength(many + 1);
    expect(sets.at(-1)).toMatchObject({ name: `s-00001-of-${many}.gguf`, count: many });
    expect(sets.at(-1)!.files).toHaveLength(many);
  });

  it('and so is its index', async () => {
    const names = Array.from({ length: many }, (_, index) => `w-${index}.safetensors`);
    const files = [...names, 'config.json', 'model.safetensors.index.json'].map(file);
    const start = performance.now();
    const choice = await chooseFiles(parseHubAddress('hub:o/n'), files, async () => names);
    expect(performance.now() - start).toBeLessThan(3000);
    expect(choice.weights).toHaveLength(many);
  });
});
