// One run at a time makes an output, held with real processes.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { partPath } from '../../src-main/core/formats/part-files.ts';
import { processTag, thisProcess } from '../../src-main/core/process-identity.ts';
import { claimingOutput } from '../../src-main/engine/jobs/output-claim.ts';
import { startEngine, temporaryFolder } from '../support/engine.ts';
import { root, sampleModel } from '../support/paths.ts';

const run = promisify(execFile);
/** On all of the bundled text: the run lasts longer than another process takes to begin. */
/** Of a process whose start is not known. */
const tagOf = (pid: number): string => processTag({ pid, startTime: null });

const bare = { threads: 1, importance: 'on', evaluate: false, prove: false };

describe('a second run to one output', () => {
  it.each([
    ['a file', 'out.gguf', { verb: 'quantize', type: 'Q8_0' }, ['quantize', '--type', 'Q8_0']],
    ['a folder', 'out', { verb: 'slice', sparsity: 0.25 }, ['slice', '--sparsity', '0.25']],
    ['an ONNX model', 'out.onnx', { verb: 'slice', sparsity: 0.25 }, ['slice', '--sparsity', '0.25']],
  ])('is refused at once and told of the other process: %s', async (_name, name, recipe, words) => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const output = path.join(folder, name);
    const first = await engine.runUntil({ ...bare, ...recipe, model: sampleModel, output }, 'tokenize');
    const line = [words[0]!, sampleModel, ...words.slice(1), '--output', output, '--force', '--json'];
    const second = await run(process.execPath, [path.join(root, 'src-main/cli/main.ts'), ...line], {
      env: { ...process.env, SNUG_HOME: temporaryFolder() },
    }).catch((failed: unknown) => failed as { stdout: string });
    const { error } = JSON.parse(second.stdout) as { error: { code: string; message: string; details: object } };
    expect(error).toMatchObject({ code: 'OUTPUT_EXISTS', details: { process: process.pid } });
    expect(error.message).toContain(`process ${process.pid}`);
    expect((await engine.call['jobs.get']({ id: first }, {} as never)).job.state).toBe('running');
    await engine.call['jobs.cancel']({ id: first }, {} as never);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of eight that begin at the same moment, one works', async () => {
    const folder = temporaryFolder();
    const module = path.join(root, 'src-main/engine/jobs/output-claim.ts');
    const begin = Date.now() + 2500;
    const script = `import { claimingOutput } from '${module}';
      const delay = (ms) => new Promise((done) => setTimeout(done, ms));
      await delay(${begin} - Date.now());
      await claimingOutput('${folder}/out', () => delay(3000)).then(
        () => console.log('worked'), (error) => console.log(error.code));`;
    const ends = await Promise.all(
      Array.from({ length: 8 }, () => run(process.execPath, ['--input-type=module', '-e', script])),
    );
    const told = ends.map(({ stdout }) => stdout.trim()).toSorted();
    expect(told).toEqual([...Array.from({ length: 7 }, () => 'OUTPUT_EXISTS'), 'worked']);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('in one process too', async () => {
    const output = path.join(temporaryFolder(), 'out');
    await claimingOutput(output, () =>
      expect(claimingOutput(output, () => Promise.resolve())).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' }),
    );
  });
});

describe('what stands in the way', () => {
  it('is not what a process left that was killed', async () => {
    const folder = temporaryFolder();
    const output = path.join(folder, 'out');
    const module = path.join(root, 'src-main/engine/jobs/output-claim.ts');
    const script = `import { claimingOutput } from '${module}';
      await claimingOutput('${output}', () => new Promise(() => { console.log('at work'); setInterval(() => {}, 1000); }));`;
    const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(other.stdout, 'data');
    await expect(claimingOutput(output, () => Promise.resolve())).rejects.toMatchObject({
      details: { process: other.pid },
    });
    other.kill('SIGKILL');
    await once(other, 'exit');
    await claimingOutput(output, async () =>
      expect(readdirSync(folder)).toEqual([path.basename(partPath(output, 'claim'))]),
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it.skipIf(thisProcess.startTime === null)(
    'is not a part whose process has ended and whose id is used again',
    async () => {
      const folder = temporaryFolder();
      const parent = process.ppid;
      writeFileSync(path.join(folder, `out.claim.${parent}-1-00000000.part`), '');
      writeFileSync(path.join(folder, `out.${tagOf(process.pid)}.part`), 'of an older process that had our id');
      await claimingOutput(path.join(folder, 'out'), () => Promise.resolve());
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it('is not a run to another output whose name begins the same', async () => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, `out.gguf.${tagOf(1)}.part`), ''); // process 1 is always there
    writeFileSync(path.join(folder, `out.gguf.claim.${tagOf(1)}.part`), '');
    await claimingOutput(path.join(folder, 'out'), () => Promise.resolve());
    await expect(claimingOutput(path.join(folder, 'out.gguf'), () => Promise.resolve())).rejects.toMatchObject({
      details: { process: 1 },
    });
  });
});
