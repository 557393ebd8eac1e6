// @vitest-environment node
// The settings of a recipe in words and as fields: what they are called, what is typed, which recipe that makes.
import { describe, expect, it } from 'vitest';
import { changedRecipe } from '../../src-main/contract/changed-recipe.ts';
import { fitRecipe, recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { target as targetSchema } from '../../src-main/contract/target.ts';
import { readRecipeDraft } from '../../src-renderer/features/advanced/recipe-draft.ts';
import { draftOf, settingsOfFit } from '../../src-renderer/features/history/clone-into-fit.ts';
import { labelOf, nameInWords, valueInWords } from '../../src-renderer/features/history/setting-words.ts';
import { changesOf, fieldsOf, type SettingField } from '../../src-renderer/features/history/settings-fields.ts';
import { speak } from '../../src-renderer/words/words.ts';
import { newTargetDraft, readDraft } from '../../src-renderer/features/target/target-draft.ts';

const GiB = 2 ** 30;

/** One of every verb, and of a fit one for each kind of target. */
const everyRecipe = [
  { verb: 'calibrate', model: 'm', output: 'o' },
  { verb: 'quantize', model: 'm', output: 'o', type: 'Q8_0' },
  { verb: 'slice', model: 'm', output: 'o', sparsity: 0.25 },
  { verb: 'invariance', model: 'm' },
  { verb: 'evaluate', model: 'm', tasks: ['t.jsonl'] },
  { verb: 'plan', model: 'm', target: { kind: 'file', bytes: 8e9 } },
  { verb: 'fit', model: 'm', output: 'o', target: { kind: 'memory', bytes: 24 * GiB + 12_345 } },
  { verb: 'generate', model: 'm', prompt: ' Once, upon ' },
  { verb: 'study', model: 'm', kind: 'sparsity', values: ['0.1', '0.2'] },
  { verb: 'download', model: 'm' },
].map((asked) => recipeSchema.parse(asked));

describe('settings as fields', () => {
  it('of a fit become the drawer of the Fit area, and those the same recipe', () => {
    const asked = {
      ...{ verb: 'fit', model: 'm.gguf', output: 'o.gguf', target: { kind: 'file', bytes: 8e9 }, plan: 'q4_k_m' },
      ...{ candidates: 2, importance: 'off', device: 'cpu', threads: 3, maxMemoryBytes: 3 * GiB, prove: false },
      calibration: { texts: ['wiki.txt'], samples: 64, length: 512, sampling: 'contiguous', seed: 7 },
      evaluation: { text: 'other.txt', window: 128, windows: null, engine: 'onnx', gateKld: 0.05 },
    };
    const recipe = fitRecipe.parse(asked);
    const { settings } = readRecipeDraft(settingsOfFit(recipe));
    expect(fitRecipe.parse({ ...asked, ...settings })).toEqual(recipe);
    expect(settingsOfFit({ ...recipe, plan: null }).choice).toBe('best');
  });

  it('are what the recipe takes: boxes, choices, lists, sizes, numbers, text', () => {
    const recipe = recipeSchema.parse({
      ...{ verb: 'fit', model: 'm.gguf', output: 'o.gguf', target: { kind: 'memory', bytes: 24 * GiB } },
      calibration: { texts: ['a', 'b'] },
    });
    const fields = new Map(fieldsOf(recipe).map((field) => [field.name, field]));
    const shape = (name: string) => [fields.get(name)!.kind.is, fields.get(name)!.text];
    expect(shape('target.bytes')).toEqual(['memory', '24 GiB']);
    expect(shape('calibration.texts')).toEqual(['list', 'a, b']);
    expect(shape('calibration.samples')).toEqual(['whole', '128']);
    expect(shape('prove')).toEqual(['switch', 'true']);
    expect(shape('threads')).toEqual(['whole', '']);
    expect(shape('evaluation.gateKld')).toEqual(['number', '']);
    expect(fields.get('device')!.kind).toEqual({
      ...{ is: 'choice', options: ['auto', 'cuda', 'webgpu', 'cpu'], isNullable: false },
    });
    expect([fields.has('verb'), fields.has('target.kind')]).toEqual([false, false]);
    const file = recipeSchema.parse({ ...recipe, target: { kind: 'file', bytes: 8.5e9 } });
    expect(fieldsOf(file).find(({ name }) => name === 'target.bytes')).toMatchObject({
      ...{ kind: { is: 'file' }, text: '8.5 GB' },
    });
  });

  it('make the recipe that was typed, and only what was changed is told', () => {
    const recipe = recipeSchema.parse({
      ...{ verb: 'fit', model: 'm.gguf', output: 'o.gguf', target: { kind: 'memory', bytes: 24 * GiB } },
      evaluation: { windows: 8 },
    });
    const before = fieldsOf(recipe);
    const typed: Record<string, string> = {
      ...{ model: '512', 'target.bytes': '16 GB', 'calibration.texts': 'a,  b', 'evaluation.windows': '' },
      ...{ 'evaluation.gateKld': '0,05', prove: 'false', device: 'cpu', threads: '3' },
    };
    const changes = changesOf(
      before,
      before.map((field): SettingField => ({ ...field, text: typed[field.name] ?? field.text })),
    );
    expect(Object.keys(changes).toSorted()).toEqual(Object.keys(typed).toSorted());
    expect(changedRecipe(recipe, changes)).toEqual({
      ...recipe,
      ...{ model: '512', prove: false, device: 'cpu', threads: 3 },
      target: { ...('target' in recipe && recipe.target), bytes: 16 * GiB },
      calibration: { ...('calibration' in recipe && recipe.calibration), texts: ['a', 'b'] },
      evaluation: { ...('evaluation' in recipe && recipe.evaluation), windows: null, gateKld: 0.05 },
    });
  });

  it.each(['1,000', '1.000', '1e3', 'many'])('take %s for no whole number', (text) => {
    const recipe = recipeSchema.parse({ verb: 'calibrate', model: 'm', output: 'o' });
    const before = fieldsOf(recipe);
    const now = before.map((field) => (field.name === 'calibration.samples' ? { ...field, text } : field));
    expect(() => changedRecipe(recipe, changesOf(before, now))).toThrow(/calibration\.samples/);
  });

  it.each(everyRecipe.map((recipe) => [recipe.verb, recipe] as const))(
    'of %s all have a name in words, and are what the schema says once they are typed anew',
    (_verb, recipe) => {
      const fields = fieldsOf(recipe);
      for (const { name } of fields) expect(labelOf(name), name).not.toBe(name);
      const empty = fields.map((field) => ({ ...field, text: ' ' }));
      expect(changedRecipe(recipe, changesOf(empty, fields))).toEqual(recipe);
    },
  );

  it('are said in words where they are only read', () => {
    const file = { target: { kind: 'file', bytes: 8e9 } };
    expect(nameInWords('calibration.samples')).toBe('Calibration: Samples');
    expect([nameInWords('device'), nameInWords('newer.setting'), nameInWords('versions.llama.cpp')]).toEqual([
      ...['Device', 'newer.setting', 'Version: llama.cpp'],
    ]);
    expect(valueInWords(file, 'target.bytes', 8e9)).toBe('8.00 GB');
    expect(valueInWords({}, 'target.bytes', 8 * GiB)).toBe('8.00 GiB');
    expect(valueInWords({}, 'evaluation.windows', null)).toBe('all');
    expect(valueInWords({}, 'prove', false)).toBe('no');
    expect(valueInWords({}, 'device', 'cpu')).toBe('processor');
    expect(valueInWords({}, 'calibration.texts', ['a', 'b'])).toBe('a, b');
    expect(valueInWords({}, 'kind', 'speed')).toBe('Speed');
    expect(valueInWords({}, 'plan', 'all-q4_0')).toBe('Q4_0 on all tensors');
    expect(valueInWords({}, 'types', ['q8_0', 'Q4_K_M'])).toBe('Q8_0, Q4_K_M');
    expect([valueInWords({}, 'target.context', 4096), valueInWords({}, 'calibration.seed', 4096)]).toEqual([
      ...['4,096', '4096'],
    ]);
    speak('de');
    expect(valueInWords({}, 'sparsity', 0.25)).toBe('0,25');
    speak('en');
  });

  it('of a fit become the form of the Fit area, to the byte', () => {
    for (const asked of [
      { kind: 'memory', bytes: 24 * GiB + 12_345 * 2 ** 20, reserveBytes: 2 ** 29, context: 16_384, kvType: 'q8_0' },
      { kind: 'memory', bytes: 24 * 2 ** 20, reserveBytes: 4 * 2 ** 20, context: 512, kvType: 'f16' },
      { kind: 'file', bytes: 8_500_000_000 },
    ]) {
      const target = targetSchema.parse(asked);
      expect(readDraft({ ...newTargetDraft(), ...draftOf(target) }).target).toEqual(target);
    }
  });
});
