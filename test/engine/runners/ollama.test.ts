// Ollama, played by a script that keeps its models in a file: what Snug asks of it, and what comes of it.
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { emptyPlaces, filesBelow, program, startMachine, textOf, type Machine } from '../../support/runners.ts';

const toOllama = { to: { runner: 'ollama' } };

/** Answers as `ollama` does (cmd/cmd.go); every call is a line of `calls`, every model one of `models`. */
const script = (folder: string, version: string): string => `
echo "$@" >> "${folder}/calls"
touch "${folder}/models"
case "$1" in
  --version) echo "ollama version is ${version}" ;;
  list)
    [ -e "${folder}/asleep" ] && { echo "Error: could not connect to ollama server, run 'ollama serve' to start it" >&2; exit 1; }
    echo "NAME    ID    SIZE    MODIFIED"; cat "${folder}/models" ;;
  create)
    [ -e "${folder}/slow" ] && exec sleep 30
    [ -e "${folder}/broken" ] && { printf 'copying file 12%%\\nError: unsupported architecture\\n' >&2; exit 1; }
    printf 'copying file sha256:00 50%%\\rcopying file sha256:00 100%%\\n' >&2
    [ -e "${folder}/forgetful" ] && exit 0
    [ -e "${folder}/failing" ] && touch "${folder}/asleep"
    echo "$2:latest    abc123def456    14 MB    Now" >> "${folder}/models" ;;
  rm) grep -q "^$2:latest" "${folder}/models" || { echo "Error: model '$2' not found" >&2; exit 1; }
    grep -v "^$2:latest" "${folder}/models" > "${folder}/rest"; mv "${folder}/rest" "${folder}/models"
    rm -f "$OLLAMA_MODELS"/blobs/* ;;
esac`;

async function withOllama(version: string): Promise<{ machine: Machine; folder: string; calls: () => string[] }> {
  const places = emptyPlaces();
  const folder = path.join(places.root, 'ollama');
  places.environment['OLLAMA_MODELS'] = path.join(folder, 'store');
  places.environment['PATH'] = `${path.join(places.root, 'bin')}:${process.env['PATH']}`;
  mkdirSync(path.join(folder, 'store/blobs'), { recursive: true });
  program(places, 'ollama', script(folder, version));
  const calls = (): string[] =>
    existsSync(path.join(folder, 'calls')) ? textOf(folder, 'calls').trim().split('\n') : [];
  return { machine: await startMachine(places), folder, calls };
}

const exported = ({ data }: Machine): string => path.join(data, 'exports/ollama/a-model');

describe('an Ollama that keeps files as they are', () => {
  it('gets a hard link in its store, then a Modelfile', async () => {
    const { machine, folder, calls } = await withOllama('0.6.5');
    const result = await machine.export(toOllama);
    const file = path.join(exported(machine), 'Modelfile');
    expect(calls().at(-2)).toBe(`create a-model -f ${file}`);
    expect(textOf(file)).toContain(`FROM ${machine.model}\n`);
    const [blob] = filesBelow(path.join(folder, 'store/blobs'));
    expect(blob).toMatch(/^sha256-[0-9a-f]{64}$/);
    expect(statSync(path.join(folder, 'store/blobs', blob!)).ino).toBe(statSync(machine.model).ino);
    expect(result).toMatchObject({ already: false, next: 'ollama run a-model' });
    expect(result.placed.map(({ how }) => how)).toEqual(['hard', 'written', 'written', 'model']);
  });

  it('is asked once, and taken out again', async () => {
    const { machine, folder, calls } = await withOllama('0.6.5');
    await machine.export(toOllama);
    expect(await machine.export(toOllama)).toMatchObject({ already: true });
    expect(calls().filter((call) => call.startsWith('create'))).toHaveLength(1);
    const [undone] = (await machine.undo({})).undone;
    expect(undone).toMatchObject({ target: 'ollama', left: [] });
    expect(textOf(folder, 'models')).toBe('');
    expect(existsSync(exported(machine))).toBe(false);
    expect(existsSync(machine.model)).toBe(true);
  });

  it('keeps a model that is another one by now', async () => {
    const { machine, folder } = await withOllama('0.6.5');
    await machine.export(toOllama);
    writeFileSync(path.join(folder, 'models'), 'a-model:latest    fff999fff999    1 GB    Now\n');
    const [undone] = (await machine.undo({})).undone;
    expect(undone!.left[0]).toEqual({ path: 'a-model', reason: 'it is another model of that name by now' });
    expect(undone!.left).toHaveLength(2); // its file in the store is Ollama's to remove
    expect(textOf(folder, 'models')).toContain('fff999fff999');
  });

  it("never creates over a user's model", async () => {
    const { machine, folder } = await withOllama('0.6.5');
    writeFileSync(path.join(folder, 'models'), 'a-model:latest    fff999fff999    1 GB    Now\n');
    expect(await machine.refused(toOllama)).toMatchObject({
      code: 'OUTPUT_EXISTS',
      message: expect.stringContaining('--name') as string,
    });
    expect(existsSync(exported(machine))).toBe(false);
  });

  it('never creates over one that came while the file was read, nor takes it out', async () => {
    const { machine, folder } = await withOllama('0.6.5');
    const models = path.join(folder, 'models');
    writeFileSync(path.join(folder, 'broken'), '');
    const progress = ({ stage }: { stage: string }): void => {
      if (stage === 'checksum') writeFileSync(models, 'a-model:latest    fff999fff999    1 GB    Now\n');
    };
    expect(await machine.refused(toOllama, { progress })).toMatchObject({ code: 'OUTPUT_EXISTS' });
    expect(textOf(models)).toContain('fff999fff999');
    expect(filesBelow(path.join(folder, 'store'))).toEqual([]);
  });

  it.each([
    ['asleep', "run 'ollama serve'"],
    ['broken', 'unsupported architecture'],
  ])('that is %s is told with its own words, and nothing is left', async (state, words) => {
    const { machine, folder } = await withOllama('0.6.5');
    writeFileSync(path.join(folder, state), '');
    const error = await machine.refused(toOllama);
    expect(error.code).toBe('RUNNER_FAILED');
    expect(error.message).toContain(words);
    expect(filesBelow(path.join(folder, 'store'))).toEqual([]);
    expect(existsSync(exported(machine))).toBe(false);
  });

  it('that has no model after it took one in is told so, and nothing is left', async () => {
    const { machine, folder } = await withOllama('0.6.5');
    writeFileSync(path.join(folder, 'forgetful'), '');
    const error = await machine.refused(toOllama);
    expect(error.code).toBe('RUNNER_FAILED');
    expect(error.message).toContain('ollama list does not show a-model');
    expect(filesBelow(path.join(folder, 'store'))).toEqual([]);
    expect(existsSync(exported(machine))).toBe(false);
    await expect(machine.undo({})).rejects.toThrow('there is nothing to undo');
  });

  it('that cannot say whether it has the model keeps none of it', async () => {
    const { machine, folder } = await withOllama('0.6.5');
    writeFileSync(path.join(folder, 'failing'), '');
    expect((await machine.refused(toOllama)).message).toContain("run 'ollama serve'");
    expect(textOf(folder, 'models')).toBe('');
    expect(filesBelow(path.join(folder, 'store'))).toEqual([]);
  });

  it('is stopped by a cancel, and nothing is left', async () => {
    const { machine, folder } = await withOllama('0.6.5');
    writeFileSync(path.join(folder, 'slow'), '');
    const stop = new AbortController();
    const progress = ({ stage }: { stage: string }): void => {
      if (stage === 'create') setTimeout(() => stop.abort(), 100);
    };
    const began = performance.now();
    expect(await machine.refused(toOllama, { signal: stop.signal, progress })).toMatchObject({ code: 'CANCELLED' });
    expect(performance.now() - began).toBeLessThan(5000);
    expect(filesBelow(path.join(folder, 'store'))).toEqual([]);
  });
});

describe('an Ollama that would copy', () => {
  it('is asked only where a copy was allowed, with its size', async () => {
    const { machine, calls } = await withOllama('0.31.1');
    const error = await machine.refused(toOllama);
    expect(error.code).toBe('LINK_IMPOSSIBLE');
    expect(error.message).toMatch(/13\.8 MB.*version 0\.31\.1 writes every file anew.*--link copy/);
    expect(error.details['reason']).toBe('version 0.31.1 writes every file anew'); // the window asks in its own words
    expect(calls().some((call) => call.startsWith('create'))).toBe(false);
    const seen: number[] = [];
    const result = await machine.export({ ...toOllama, link: 'copy' }, { progress: ({ done }) => seen.push(done) });
    expect(result.placed.map(({ how }) => how)).toEqual(['written', 'written', 'model']);
    expect(seen.at(-1)).toBe(100);
  });

  it('because it is another machine, or has a store that cannot be linked to', async () => {
    const { machine } = await withOllama('0.6.5');
    machine.places.environment['OLLAMA_HOST'] = 'http://10.0.0.7:11434';
    expect((await machine.refused(toOllama)).message).toContain('OLLAMA_HOST');
    machine.places.environment['OLLAMA_HOST'] = '0.0.0.0:8000';
    machine.places.environment['OLLAMA_MODELS'] = '/proc/ollama';
    expect((await machine.refused(toOllama)).message).toMatch(/another disk|cannot be written to/);
  });
});

describe('an Ollama whose program is not here', () => {
  it('gets a Modelfile, and the user what to type', async () => {
    const { machine, folder } = await withOllama('0.6.5');
    rmSync(path.join(machine.places.root, 'bin'), { recursive: true });
    machine.places.environment['PATH'] = '';
    const { next, notes, placed } = await machine.export(toOllama);
    expect(next).toBe(`ollama create a-model -f ${path.join(exported(machine), 'Modelfile')} && ollama run a-model`);
    expect(notes[0]).toContain('13.8 MB');
    expect(placed.map(({ how }) => how)).toEqual(['written', 'written']);
    expect(filesBelow(path.join(folder, 'store'))).toEqual([]);
  });
});
