// Exports by links on a real disk: what is placed, what is never touched, and what an undo takes out.
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Catalog } from '../../../src-main/engine/catalog/catalog.ts';
import { temporaryFolder } from '../../support/engine.ts';
import { addFit } from '../../support/history-runs.ts';
import { sampleFolder, sampleModel } from '../../support/paths.ts';
import { emptyPlaces, filesBelow, startMachine, textOf, type Machine } from '../../support/runners.ts';
import { splitGguf } from '../../llama-host/split-gguf.ts';

const toLmStudio = { to: { runner: 'lm-studio' } };

/** A machine with LM Studio, and where it has the models of Snug. */
async function withLmStudio(): Promise<{ machine: Machine; own: string }> {
  const machine = await startMachine();
  const models = path.join(machine.places.home, '.lmstudio/models');
  mkdirSync(models, { recursive: true });
  return { machine, own: path.join(models, 'snug/a-model') };
}

/** A folder on another disk than temporary files, where the system has one. */
const otherDisk = existsSync('/dev/shm') && statSync('/dev/shm').dev !== statSync(sampleModel).dev ? '/dev/shm' : null;

function folderOnOtherDisk(): string {
  const folder = mkdtempSync(path.join(otherDisk!, 'snug-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe('an export', () => {
  it('is a hard link with a card beside it, and costs no space', async () => {
    const { machine, own } = await withLmStudio();
    const result = await machine.export(toLmStudio);
    const file = path.join(own, 'a model.gguf');
    expect(result).toMatchObject({ target: 'lm-studio', run: null, already: false });
    expect(result.placed).toEqual([
      { path: file, how: 'hard', bytes: statSync(machine.model).size },
      { path: path.join(own, 'README.md'), how: 'written', bytes: textOf(own, 'README.md').length },
    ]);
    expect(statSync(file).ino).toBe(statSync(machine.model).ino);
    expect(result.next).toContain('snug/a-model');
  });

  it('a second time says that it is there', async () => {
    const { machine, own } = await withLmStudio();
    const first = await machine.export(toLmStudio);
    expect(await machine.export(toLmStudio)).toEqual({ ...first, already: true });
    expect(filesBelow(own)).toEqual(['README.md', 'a model.gguf']);
  });

  it('takes the name it is given, and refuses one that no runner can have', async () => {
    const { machine } = await withLmStudio();
    const { placed } = await machine.export({ ...toLmStudio, name: 'mine' });
    expect(path.basename(path.dirname(placed[0]!.path))).toBe('mine');
    expect(await machine.refused({ ...toLmStudio, name: '../up' })).toMatchObject({ code: 'USAGE' });
  });

  it("never writes over a user's file, and leaves nothing where it is refused", async () => {
    const { machine, own } = await withLmStudio();
    mkdirSync(own, { recursive: true });
    writeFileSync(path.join(own, 'a model.gguf'), 'mine');
    const error = await machine.refused(toLmStudio);
    expect(error).toMatchObject({ code: 'OUTPUT_EXISTS', message: expect.stringContaining('--name') as string });
    expect(filesBelow(own)).toEqual(['a model.gguf']);
    expect(textOf(own, 'a model.gguf')).toBe('mine');
  });

  it("gives the card another name where a user's README.md is", async () => {
    const { machine } = await withLmStudio();
    const folder = path.join(machine.places.home, 'models');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'README.md'), 'mine');
    await machine.export({ to: { folder } });
    expect(filesBelow(folder)).toEqual(['README.md', 'a model.gguf', 'a-model.README.md']);
    expect(textOf(folder, 'README.md')).toBe('mine');
  });

  it('of a link places the file that it leads to', async () => {
    const { machine } = await withLmStudio();
    const linked = path.join(machine.places.home, 'linked.gguf');
    symlinkSync(machine.model, linked);
    const { placed } = await machine.export({ ...toLmStudio, source: { file: linked } });
    expect(lstatSync(placed[0]!.path).isFile()).toBe(true);
    expect(statSync(placed[0]!.path).ino).toBe(statSync(machine.model).ino);
  });

  it('into the folder where the model lies adds a card only, which is all that an undo takes', async () => {
    const { machine } = await withLmStudio();
    await machine.export({ to: { folder: machine.places.home } });
    await machine.undo({});
    expect(existsSync(machine.model)).toBe(true);
    expect(existsSync(path.join(machine.places.home, 'README.md'))).toBe(false);
  });

  it('takes all files of a split model, from any of them', async () => {
    const { machine, own } = await withLmStudio();
    const folder = path.join(machine.places.home, 'split');
    mkdirSync(folder);
    splitGguf(machine.model, folder);
    const parts = filesBelow(folder).map((name) => path.join(folder, name));
    const { placed } = await machine.export({ ...toLmStudio, source: { file: parts[1]! } });
    expect(placed.filter(({ how }) => how === 'hard').map((file) => path.basename(file.path))).toEqual(
      parts.map((part) => path.basename(part)),
    );
    expect(filesBelow(own)).toHaveLength(3);
    const [undone] = (await machine.undo({ source: { file: parts[1]! } })).undone;
    expect(undone).toMatchObject({ left: [] });
  });

  it('says of a run whose model was deleted that it is gone', async () => {
    const data = temporaryFolder();
    const output = path.join(data, 'made.gguf');
    const catalog = await Catalog.open(data);
    addFit(catalog, { id: 'a', model: '/m/a.gguf', type: 'q4_k_m', output, fileBytes: 100, kld: 0.1 });
    catalog.close();
    rmSync(output);
    const machine = await startMachine(emptyPlaces(), data);
    expect(await machine.refused({ source: { run: 'a' }, ...toLmStudio })).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(/run a: .*made\.gguf is gone/) as string,
      details: { run: 'a', path: output },
    });
  });

  it('refuses what a runner cannot run, with what to do; a folder takes it', async () => {
    const { machine } = await withLmStudio();
    const folder = { source: { file: sampleFolder } };
    const error = await machine.refused({ ...folder, ...toLmStudio });
    expect(error).toMatchObject({ code: 'USAGE', message: expect.stringMatching(/GGUF.*snug quantize/) as string });
    const target = path.join(machine.places.home, 'out');
    await machine.export({ ...folder, to: { folder: target } });
    expect(filesBelow(target)).toEqual(
      expect.arrayContaining(['config.json', 'model.safetensors', 'sample.README.md']),
    );
  });

  it('tells where a runner was looked for that is not here', async () => {
    const machine = await startMachine();
    const error = await machine.refused({ to: { runner: 'jan' } });
    expect(error).toMatchObject({ code: 'RUNNER_NOT_FOUND' });
    expect(error.message).toContain(path.join(machine.places.home, '.local/share/Jan/data'));
    expect(error.message).toContain('--at');
    const data = path.join(machine.places.home, 'jan');
    mkdirSync(data);
    const { placed } = await machine.export({ to: { runner: 'jan' }, at: data });
    expect(placed[0]!.path).toBe(path.join(data, 'llamacpp/models/a-model/a model.gguf'));
    expect(textOf(data, 'llamacpp/models/a-model/model.yml')).toContain(
      'model_path: "llamacpp/models/a-model/a model.gguf"',
    );
  });

  it.runIf(process.platform === 'linux')('says that a place cannot be written to', async () => {
    const machine = await startMachine();
    for (const folder of ['/proc/snug', path.join(machine.model, 'below')]) {
      const error = await machine.refused({ to: { folder } });
      expect(error.code).toBe('NOT_WRITABLE');
      expect(error.message).toContain(path.dirname(folder));
    }
  });
});

describe.runIf(otherDisk)('on another disk', () => {
  it('a symbolic link is made, or a copy that was asked for', async () => {
    const machine = await startMachine();
    const folder = folderOnOtherDisk();
    const linked = path.join(folder, 'linked');
    await machine.export({ to: { folder: linked } });
    expect(readlinkSync(path.join(linked, 'a model.gguf'))).toBe(machine.model);
    const seen: number[] = [];
    const copied = path.join(folder, 'copied');
    const request = { to: { folder: copied }, link: 'copy' };
    const first = await machine.export(request, { progress: ({ done }) => seen.push(done) });
    expect(first.placed[0]).toMatchObject({ how: 'copy' });
    expect(seen.at(-1)).toBe(statSync(machine.model).size);
    expect(filesBelow(copied)).toEqual(['README.md', 'a model.gguf']);
    expect(await machine.export(request)).toMatchObject({ already: true });
  });

  it('a hard link is refused, with the size of a copy and how to ask for it', async () => {
    const machine = await startMachine();
    const folder = path.join(folderOnOtherDisk(), 'x');
    const error = await machine.refused({ to: { folder }, link: 'hard' });
    expect(error).toMatchObject({
      code: 'LINK_IMPOSSIBLE',
      message: expect.stringMatching(/13\.8 MB.*--link copy/) as string,
    });
    expect(existsSync(folder)).toBe(false);
  });
});

describe('a copy', () => {
  it('that does not fit on the disk is refused before, and leaves nothing', async () => {
    const machine = await startMachine();
    const source = path.join(machine.places.home, 'huge');
    mkdirSync(source);
    writeFileSync(path.join(source, 'config.json'), '{}');
    writeFileSync(path.join(source, 'model.safetensors'), '');
    truncateSync(path.join(source, 'model.safetensors'), 8 * 2 ** 40);
    const target = path.join(machine.places.home, 'out');
    const error = await machine.refused({ source: { file: source }, to: { folder: target }, link: 'copy' });
    expect(error).toMatchObject({ code: 'DISK_FULL' });
    expect(existsSync(target)).toBe(false);
  });

  it('that is cancelled leaves nothing', async () => {
    const machine = await startMachine();
    const stop = new AbortController();
    const target = path.join(machine.places.home, 'out');
    const progress = (): void => stop.abort();
    const error = await machine.refused({ to: { folder: target }, link: 'copy' }, { signal: stop.signal, progress });
    expect(error.code).toBe('CANCELLED');
    expect(existsSync(target)).toBe(false);
  });
});

describe('an undo', () => {
  it('takes out all that was placed, with the folders that were made', async () => {
    const { machine, own } = await withLmStudio();
    await machine.export(toLmStudio);
    const [undone] = (await machine.undo({ to: { runner: 'lm-studio' } })).undone;
    expect(undone).toMatchObject({ target: 'lm-studio', left: [] });
    expect(undone!.removed).toHaveLength(2);
    expect(existsSync(path.dirname(own))).toBe(false);
    expect(existsSync(path.join(machine.places.home, '.lmstudio/models'))).toBe(true);
    expect(existsSync(machine.model)).toBe(true);
    await expect(machine.undo({})).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('leaves what was changed or replaced since, tells it, and can be asked again', async () => {
    const { machine, own } = await withLmStudio();
    await machine.export(toLmStudio);
    appendFileSync(path.join(own, 'README.md'), 'my notes');
    const file = path.join(own, 'a model.gguf');
    copyFileSync(file, `${file}.new`);
    renameSync(`${file}.new`, file);
    const [undone] = (await machine.undo({})).undone;
    expect(undone!.removed).toEqual([]);
    expect(undone!.left.map(({ reason }) => reason)).toEqual(['it is another file by now', 'it was changed since']);
    rmSync(file);
    rmSync(path.join(own, 'README.md'));
    expect((await machine.undo({})).undone[0]).toMatchObject({ left: [] });
  });

  it('never removes the last name of a model', async () => {
    const { machine, own } = await withLmStudio();
    await machine.export(toLmStudio);
    rmSync(machine.model);
    const [undone] = (await machine.undo({})).undone;
    expect(undone!.left).toMatchObject([{ reason: expect.stringContaining('last name') as string }]);
    expect(existsSync(path.join(own, 'a model.gguf'))).toBe(true);
  });

  it("leaves a hard link of the user's own, which an export found", async () => {
    const { machine, own } = await withLmStudio();
    mkdirSync(own, { recursive: true });
    linkSync(machine.model, path.join(own, 'a model.gguf'));
    await machine.export(toLmStudio);
    await machine.undo({});
    expect(filesBelow(own)).toEqual(['a model.gguf']);
  });

  it('leaves a copy that was written to', async () => {
    const machine = await startMachine(emptyPlaces());
    const folder = path.join(machine.places.home, 'out');
    await machine.export({ to: { folder }, link: 'copy' });
    appendFileSync(path.join(folder, 'a model.gguf'), 'x');
    expect((await machine.undo({})).undone[0]!.left).toMatchObject([{ reason: 'it was changed since' }]);
    expect(existsSync(path.join(folder, 'a model.gguf'))).toBe(true);
  });
});
