// @vitest-environment node
// The drawer's fields as a recipe: the defaults are the contract's own, and what is typed wrong is told at its field.
import { describe, expect, it } from 'vitest';
import { fitRecipe } from '../../src-main/contract/recipe.ts';
import { usualSettings } from '../../src-main/contract/settings.ts';
import { newRecipeDraft, perBlockRecipe, readRecipeDraft } from '../../src-renderer/features/advanced/recipe-draft.ts';
import { hubAddressOf, nameOf, suggestOutput } from '../../src-renderer/features/model/model-path.ts';
import { recentModels } from '../../src-renderer/features/model/recent-models.ts';

const rest = { verb: 'fit', model: 'm', target: { kind: 'file', bytes: 1 }, output: 'o' } as const;

describe('a recipe draft', () => {
  it('begins with what the contract has where nothing is said', () => {
    const { settings } = readRecipeDraft(newRecipeDraft());
    expect(fitRecipe.parse({ ...rest, ...settings })).toEqual(fitRecipe.parse(rest));
  });

  it('covers every setting that a fit takes', () => {
    const { settings } = readRecipeDraft(newRecipeDraft());
    const covered = Object.keys({ ...rest, force: false, plan: null, ...settings });
    expect(covered.toSorted()).toEqual(Object.keys(fitRecipe.shape).toSorted());
  });

  it('reads limits, and none where a field is empty', () => {
    const draft = { ...newRecipeDraft(), gateKld: '0,1', maxMemory: '16 GB', threads: '4', windows: '' };
    expect(readRecipeDraft(draft).settings).toMatchObject({
      evaluation: { gateKld: 0.1, gateRatio: null, windows: null },
      maxMemoryBytes: 16 * 2 ** 30,
      threads: 4,
    });
  });

  it('keeps several calibration texts in their order', () => {
    const draft = { ...newRecipeDraft(), texts: [' calibration', '/texts/mine.txt '] };
    expect(readRecipeDraft(draft).settings?.calibration?.texts).toEqual(['calibration', '/texts/mine.txt']);
  });

  it('begins with what the user has set for every run', () => {
    const set = { ...usualSettings, device: 'cpu' as const, maxMemoryBytes: 12 * 2 ** 30, offline: true };
    expect(readRecipeDraft(newRecipeDraft(set)).settings).toMatchObject({
      ...{ device: 'cpu', maxMemoryBytes: 12 * 2 ** 30, offline: true },
    });
  });

  it('says how slices are made, and nothing of them where there are none', () => {
    const wishes = { orientation: 'random', precision: 'fp32' } as const;
    const settingsOf = (methods: 'slice' | 'quantize') =>
      readRecipeDraft({ ...newRecipeDraft(), ...wishes, methods }).settings;
    expect(settingsOf('slice')).toMatchObject({ methods: 'slice', ...wishes });
    expect(settingsOf('quantize')).toMatchObject({ methods: 'quantize', orientation: null, precision: 'fp64' });
  });

  it('begins a slice block by block with what it has for one', () => {
    const draft = { ...newRecipeDraft(), samples: '8', seed: '7', orientation: 'hadamard', device: 'cpu' } as const;
    // Nothing else measures it.
    Object.assign(draft, { engine: 'llama.cpp', weightsOnly: true });
    const recipe = perBlockRecipe('/m/big.gguf', '/m/big.sliced.onnx', readRecipeDraft(draft).settings!);
    expect(recipe).toMatchObject({
      ...{ verb: 'slice', method: 'per-block', sparsity: 0.25, scheduler: 'constant', type: 'F16' },
      ...{ model: '/m/big.gguf', output: '/m/big.sliced.onnx', orientation: 'hadamard', device: 'cpu' },
      evaluation: { engine: 'auto', weightsOnly: false },
      prove: false, // no runner of GGUF has its matrices
      calibration: { samples: 8, seed: 7 },
    });
  });

  it('says which fields are wrong', () => {
    const draft = {
      ...newRecipeDraft(),
      samples: '1,000',
      seed: 'x',
      gateRatio: '-1',
      maxMemory: 'lots',
      texts: ['a', ' '],
    };
    const { problems } = readRecipeDraft(draft);
    expect(Object.keys(problems!).toSorted()).toEqual(['gateRatio', 'maxMemory', 'samples', 'seed', 'texts']);
  });
});

describe('a model on a hub', () => {
  it.each([
    ['Qwen/Qwen2.5-7B', 'hub:Qwen/Qwen2.5-7B'],
    ['hub:Qwen/Qwen2.5-7B:Q8_0', 'hub:Qwen/Qwen2.5-7B:Q8_0'],
    ['https://example.org/Qwen/Qwen2.5-7B/tree/main', 'hub:Qwen/Qwen2.5-7B'],
  ])('is read from "%s"', (text, address) => expect(hubAddressOf(text)).toBe(address));

  it.each(['', 'Qwen', 'a/b/c', '../x/y'])('is not "%s"', (text) => expect(hubAddressOf(text)).toBeNull());

  it('has a name, and no folder for what is made from it', () => {
    expect(nameOf('hub:Qwen/Qwen2.5-7B')).toBe('Qwen2.5-7B');
    expect(suggestOutput('hub:Qwen/Qwen2.5-7B:q/big-F16.gguf', { what: 'Q4_K_M', ending: 'gguf' })).toBe(
      'big.Q4_K_M.gguf',
    );
    expect(suggestOutput('hub:Qwen/Qwen2.5-7B:big-F16.gguf', { what: 'Q4_K_M', ending: 'gguf' }, '/made/')).toBe(
      '/made/big.Q4_K_M.gguf',
    );
    expect(suggestOutput('/m/big-F16.gguf', { what: 'Q4_K_M', ending: 'gguf' }, 'D:\\made')).toBe(
      'D:\\made\\big.Q4_K_M.gguf',
    );
  });
});

describe('recent models', () => {
  it('are there once each, newest first, at most five', () => {
    const paths = ['/m/a.gguf', '/m/b.gguf', '/m/a.gguf', 'hub:o/n', '/c', '/d', '/e', '/f'];
    const recent = recentModels(paths.map((model) => ({ model })));
    expect(recent.map(({ path }) => path)).toEqual(['/m/a.gguf', '/m/b.gguf', 'hub:o/n', '/c', '/d']);
    expect(recent[0]).toMatchObject({ name: 'a.gguf', place: '/m' });
    expect(recent[2]).toMatchObject({ name: 'n', place: 'hub:o' });
  });
});
