import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createOutput } from '../../../src-main/core/formats/output-file.ts';
import { createGgufWriter, ggufLayout } from '../../../src-main/core/formats/gguf-writer.ts';
import { GgufMetadata } from '../../../src-main/core/formats/gguf-values.ts';
import { processTag } from '../../../src-main/core/process-identity.ts';
import { failureOf, sha256, temporaryFolder } from './temporary-folder.ts';

const scratch = temporaryFolder();
let outputs = 0;

/** A path in a new folder of its own. */
async function freshPath(): Promise<string> {
  outputs += 1;
  const folder = path.join(scratch, String(outputs));
  await mkdir(folder);
  return path.join(folder, 'model.gguf');
}

function neighbours(file: string): string[] {
  return readdirSync(path.dirname(file));
}

describe('createOutput', () => {
  it('shows a file under its name only when it is committed', async () => {
    const file = await freshPath();
    const output = await createOutput(file);
    await output.write(Buffer.from('hello '), 0);
    await output.write(Buffer.from('world'), 6);
    expect(output.size).toBe(11);
    expect(existsSync(file)).toBe(false);
    expect(await readFile(output.partPath, 'utf8')).toBe('hello world');
    await output.commit();
    expect(await readFile(file, 'utf8')).toBe('hello world');
    await output.discard();
    expect(neighbours(file)).toEqual(['model.gguf']);
  });

  it('removes what is discarded', async () => {
    const file = await freshPath();
    const output = await createOutput(file);
    await output.write(new Uint8Array(10), 0);
    await output.discard();
    await output.discard();
    expect(neighbours(file)).toEqual([]);
  });

  it('tells the checksum, in whatever order the bytes were written', async () => {
    const content = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251));
    const ranges = [
      [0, 100],
      [2000, 5000],
      [100, 1000],
      [1000, 2000],
    ] as const;
    for (const order of [ranges, ranges.toReversed()]) {
      const output = await createOutput(await freshPath());
      for (const [begin, end] of order) await output.write(content.subarray(begin, end), begin);
      expect(await output.sha256()).toBe(sha256(content));
      await output.write(Buffer.from([1]), 0);
      expect(await output.sha256()).toBe(sha256(Buffer.concat([Buffer.from([1]), content.subarray(1)])));
      await output.discard();
    }
  });

  it('replaces an existing file only when told to, and only at the end', async () => {
    const file = await freshPath();
    await writeFile(file, 'old');
    expect(await failureOf(createOutput(file))).toMatchObject({ code: 'OUTPUT_EXISTS', details: { path: file } });
    const output = await createOutput(file, { force: true });
    await output.write(Buffer.from('new'), 0);
    expect(await readFile(file, 'utf8')).toBe('old');
    await output.commit();
    expect(await readFile(file, 'utf8')).toBe('new');
  });

  it('does not replace a file that came while it was writing', async () => {
    const file = await freshPath();
    const output = await createOutput(file);
    await output.write(Buffer.from('mine'), 0);
    await writeFile(file, 'theirs');
    expect((await failureOf(output.commit())).code).toBe('OUTPUT_EXISTS');
    expect(await readFile(file, 'utf8')).toBe('theirs');
    await output.commit(`${file}.other`);
    expect(await readFile(`${file}.other`, 'utf8')).toBe('mine');
  });

  it('replaces no folder, and makes none', async () => {
    const file = await freshPath();
    await mkdir(file);
    expect((await failureOf(createOutput(file, { force: true }))).code).toBe('OUTPUT_EXISTS');
    const lost = path.join(file, 'missing/model.gguf');
    const error = await failureOf(createOutput(lost));
    const details = { path: path.dirname(lost), missing: 'output folder' };
    expect(error).toMatchObject({ code: 'FILE_NOT_FOUND', details });
  });

  it('replaces a link, not what it points to', async () => {
    const file = await freshPath();
    await writeFile(`${file}.target`, 'kept');
    await symlink(`${file}.target`, file);
    const output = await createOutput(file, { force: true });
    await output.write(Buffer.from('new'), 0);
    await output.commit();
    expect(await readFile(`${file}.target`, 'utf8')).toBe('kept');
    expect(await readFile(file, 'utf8')).toBe('new');
  });
});

describe('two writers of one output', () => {
  it('in one process: the second is refused, until the first ends', async () => {
    const file = await freshPath();
    const starts = await Promise.allSettled([createOutput(file), createOutput(file), createOutput(file)]);
    const winners = starts.filter((start) => start.status === 'fulfilled');
    expect(winners).toHaveLength(1);
    expect((await failureOf(createOutput(file))).code).toBe('OUTPUT_EXISTS');
    await winners[0]!.value.discard();
    await (await createOutput(file)).discard();
  });

  it('in two processes: the second is refused while the first lives, and cleans up after its death', async () => {
    const file = await freshPath();
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const part = `${file}.${processTag({ pid: other.pid!, startTime: null })}.part`;
    await writeFile(part, 'half a file');
    const error = await failureOf(createOutput(file));
    expect(error).toMatchObject({ code: 'OUTPUT_EXISTS', details: { part } });
    expect(neighbours(file)).toEqual([path.basename(part)]);

    other.kill('SIGKILL');
    await once(other, 'exit');
    const output = await createOutput(file);
    expect(neighbours(file)).toEqual([path.basename(output.partPath)]);
    await output.discard();
  });

  it('takes over what an older process with the same id left', async () => {
    const file = await freshPath();
    await writeFile(`${file}.${processTag({ pid: process.pid, startTime: null })}.part`, 'x'.repeat(100));
    const output = await createOutput(file);
    await output.write(Buffer.from('new'), 0);
    await output.commit();
    expect(await readFile(file, 'utf8')).toBe('new');
  });

  it('leaves alone what only looks like a part', async () => {
    const file = await freshPath();
    const strangers = [
      'model.gguf.part',
      'model.gguf.x.part',
      'model.gguf.4194305.part',
      'other.gguf.4194305-0-00000000.part',
    ];
    for (const name of strangers) await writeFile(path.join(path.dirname(file), name), '');
    await (await createOutput(file)).discard();
    expect(neighbours(file)).toEqual(strangers.sort());
  });
});

/** System commands, not packages. */
const commands = { mount: 'mount', unmount: 'umount' };

/** A small disk of its own, which only root can have. */
function smallDisk(folder: string): boolean {
  try {
    execFileSync(commands.mount, ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a full disk', () => {
  it('is told before anything is written', async () => {
    const file = await freshPath();
    const error = await failureOf(createOutput(file, { expectedBytes: 2 ** 52 }));
    expect(error).toMatchObject({ code: 'DISK_FULL', details: { path: file, needed: 2 ** 52 } });
    expect(error.details['free']).toBeGreaterThan(0);
    expect(neighbours(file)).toEqual([]);
  });

  it('is told when it happens in the middle, and leaves nothing', async ({ skip }) => {
    const file = await freshPath();
    const disk = path.dirname(file);
    if (!smallDisk(disk)) return skip('mounting needs root');
    onTestFinished(() => {
      execFileSync(commands.unmount, [disk]);
    });
    const layout = ggufLayout(new GgufMetadata('m'), [{ name: 'a', type: 'I8', shape: [1_000_000] }]);
    const writer = await createGgufWriter(file, layout);
    await writeFile(path.join(disk, 'other'), new Uint8Array(500_000));
    const error = await failureOf(writer.writeTensor('a', new Uint8Array(1_000_000)));
    expect(error).toMatchObject({ code: 'DISK_FULL', details: { path: file } });
    expect(error.details['needed']).toBeGreaterThan(Number(error.details['free']));
    expect(neighbours(file)).toEqual(['other']);
  });
});
