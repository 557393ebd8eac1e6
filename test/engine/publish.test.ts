// What is left when a process is killed at any step of publishing: real processes, each killed before one more of the
// steps that change the disk.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { publish, publishFolder, publishOnnx, recoverOutput } from '../../src-main/engine/jobs/publish.ts';
import { temporaryFolder } from '../support/engine.ts';

const program = fileURLToPath(import.meta.resolve('../support/publish-and-die.ts'));

const note = (): string => path.join(temporaryFolder(), 'output.json');
/** A first attempt, whose note nobody reads. */
const first = { note: '/dev/null/output.json', isNamed: false };

/** Publishes in a process of its own that dies before its step number `steps`; true when it died. */
function diesAt(steps: number, name: 'publishFolder' | 'publishOnnx', made: string, output: string): boolean {
  const { signal, status, stderr } = spawnSync(process.execPath, [program, String(steps), name, made, output, note()]);
  if (signal !== 'SIGKILL' && status !== 0) throw new Error(stderr.toString());
  return signal === 'SIGKILL';
}

function write(folder: string, files: Record<string, string>): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  return folder;
}

const read = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, readFileSync(path.join(folder, name), 'utf8')]),
  );

describe('a folder over one that was written before', () => {
  const oldModel = {
    ...{ 'config.json': 'old', 'slicing.json': 'old', 'model-00001-of-00001.safetensors': 'old' },
    ...{ 'model.safetensors.index.json': 'old', 'tokenizer.json': 'old', 'generation_config.json': 'old' },
  };
  const newModel = { 'config.json': 'new', 'slicing.json': 'new', 'model.safetensors': 'new' };
  const own = { 'notes.txt': 'mine', 'README.md': 'mine' };

  function setUp(): { parent: string; output: string; made: string } {
    const parent = temporaryFolder();
    const output = write(path.join(parent, 'out'), { ...oldModel, ...own });
    write(path.join(output, 'plots'), { 'one.svg': 'mine' });
    return { parent, output, made: write(path.join(parent, 'made'), newModel) };
  }

  it('holds the new model and what the user put there, and nothing of the old one', async () => {
    const { parent, output, made } = setUp();
    await publishFolder(made, { output, force: true }, first);
    expect(read(output)).toEqual({ ...newModel, ...own });
    expect(read(path.join(output, 'plots'))).toEqual({ 'one.svg': 'mine' });
    expect(readdirSync(parent)).toEqual(['out']);
  });

  it('killed at any step, is the old or the new model, and the next run puts the rest right', async () => {
    let steps = 0;
    for (; ; steps += 1) {
      const { parent, output, made } = setUp();
      const died = diesAt(steps, 'publishFolder', made, output);
      const complete = readdirSync(parent).map((name) => {
        const files = read(path.join(parent, name));
        const has = (model: object): boolean => Object.entries(model).every(([file, text]) => files[file] === text);
        return { name, isOld: has(oldModel), isNew: has(newModel) };
      });
      const named = complete.find(({ name }) => name === 'out');
      if (named) expect(named.isOld || named.isNew, `step ${steps}`).toBe(true);
      else
        expect(
          complete.some(({ isOld }) => isOld),
          `step ${steps}`,
        ).toBe(true);

      await recoverOutput(output);
      const files = read(output);
      expect(
        [
          { ...oldModel, ...own },
          { ...newModel, ...own },
        ],
        `step ${steps}`,
      ).toContainEqual(files);
      expect(read(path.join(output, 'plots'))).toEqual({ 'one.svg': 'mine' });
      expect(readdirSync(parent).filter((name) => name.endsWith('.previous'))).toEqual([]);
      if (!died) break;
    }
    expect(steps).toBeGreaterThan(5);
  });

  it('that cannot be moved in leaves the old one as it was', async () => {
    const { parent, output } = setUp();
    await expect(publishFolder(path.join(parent, 'nowhere'), { output, force: true }, first)).rejects.toThrow('ENOENT');
    expect(read(output)).toEqual({ ...oldModel, ...own });
  });

  it.each(['an empty folder', 'a folder of other things', 'a file'])(
    'of a dead run stays where %s has its name now',
    async (what) => {
      const { parent, output } = setUp();
      const previous = write(path.join(parent, 'out.1-2-0123abcd.previous'), oldModel);
      rmSync(output, { recursive: true });
      if (what === 'a file') writeFileSync(output, 'mine');
      else write(output, what === 'an empty folder' ? {} : own);
      await recoverOutput(output);
      expect(read(previous)).toEqual(oldModel);
    },
  );

  it('is not what the user named like an old one', async () => {
    const { parent, output } = setUp();
    rmSync(output, { recursive: true });
    const mine = write(path.join(parent, 'out.2024.previous'), own);
    await recoverOutput(output);
    expect([read(mine), existsSync(output)]).toEqual([own, false]);
  });

  it('may not be a link to a folder', async () => {
    const { parent, output, made } = setUp();
    const link = path.join(parent, 'link');
    symlinkSync(output, link);
    await expect(publishFolder(made, { output: link, force: true }, first)).rejects.toMatchObject({
      code: 'OUTPUT_EXISTS',
    });
  });
});

describe('an ONNX model over another', () => {
  const setUp = (before: Record<string, string>, after: Record<string, string>) => {
    const parent = write(temporaryFolder(), before);
    return { parent, output: path.join(parent, 'm.onnx'), made: write(path.join(parent, 'made'), after) };
  };
  const alone = (text: string) => ({ 'm.onnx': `${text} alone` });
  const pair = (text: string) => ({ 'm.onnx': `${text} with data`, 'm.onnx.data': text });

  it.each([
    ['one file, over a pair', pair('old'), alone('new')],
    ['a pair, over one file', alone('old'), pair('new')],
    ['a pair, over a pair', pair('old'), pair('new')],
    ['one file, over one file', alone('old'), alone('new')],
    ['a pair, where weights lie without a model', { 'm.onnx.data': 'old' }, pair('new')],
  ])('%s: all of the new and nothing of the old', async (_name, before, after) => {
    const { parent, output, made } = setUp(before, after);
    await publishOnnx(made, { output, force: true }, first);
    expect(read(parent)).toEqual(after);
    expect(readdirSync(parent).filter((name) => name !== 'made')).toHaveLength(Object.keys(after).length);
  });

  it.each([
    ['one file, over a pair', pair('old'), alone('new')],
    ['a pair, over one file', alone('old'), pair('new')],
    ['a pair, over a pair', pair('old'), pair('new')],
  ])('%s, killed at any step: no graph has the weights of the other', async (_name, before, after) => {
    const models = [before, after];
    const isWhole = (files: Record<string, string>): boolean =>
      models.some((model) => Object.entries(model).every(([name, text]) => files[name] === text));
    let steps = 0;
    for (; ; steps += 1) {
      const { parent, output, made } = setUp(before, after);
      const died = diesAt(steps, 'publishOnnx', made, output);
      const files = read(parent);
      if (files['m.onnx']) expect(isWhole(files), `step ${steps}`).toBe(true);
      await recoverOutput(output);
      expect(isWhole(read(parent)), `step ${steps}`).toBe(true);
      if (!died) break;
    }
    expect(steps).toBeGreaterThan(1);
  });

  it('does not take the folder of the user with it that is named like an old one', async () => {
    const { parent, output } = setUp(alone('old'), {});
    const mine = write(path.join(parent, 'm.onnx.2024.previous'), { 'notes.txt': 'mine' });
    await recoverOutput(output);
    expect(read(mine)).toEqual({ 'notes.txt': 'mine' });
  });

  it('weights of that name are not taken over without force', async () => {
    const { parent, output, made } = setUp({ 'm.onnx.data': 'mine' }, pair('new'));
    await expect(publishOnnx(made, { output, force: false }, first)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    expect(read(parent)).toEqual({ 'm.onnx.data': 'mine' });
  });
});

it.each(['m.gguf', 'rows.json', 'rows.csv', 'm.bin'])(
  'a single file never lies aside, so nothing is put in its place: %s',
  async (name) => {
    const aside = { [`${name}.1-2-0123abcd.previous`]: 'mine' };
    const folder = write(temporaryFolder(), aside);
    await recoverOutput(path.join(folder, name));
    expect(read(folder)).toEqual(aside);
  },
);

it('a file gets a name that is free, and no other without force', async () => {
  const folder = write(temporaryFolder(), { made: 'new', taken: 'old' });
  const [made, output] = [path.join(folder, 'made'), path.join(folder, 'taken')];
  await expect(publish(made, { output, force: false }, first)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
  await publish(made, { output, force: true }, first);
  expect(read(folder)).toEqual({ taken: 'new' });
  expect(existsSync(made)).toBe(false);
});
