// Whether a process that is named by id and start still runs, with real processes.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isAlive, processTag, readProcessTag, thisProcess } from '../../src-main/core/process-identity.ts';

/** Writes its identity and waits. */
const module = new URL('../../src-main/core/process-identity.ts', import.meta.url).href;
const tellingProgram = `import { thisProcess } from '${module}'; console.log(JSON.stringify(thisProcess)); setInterval(() => {}, 1000);`;

const isLinux = process.platform === 'linux';

it('this process runs, one that has ended does not', () => {
  expect(thisProcess.pid).toBe(process.pid);
  expect(isAlive(thisProcess)).toBe(true);
  expect(isAlive({ pid: process.ppid, startTime: null })).toBe(true);
  expect(isAlive({ pid: spawnSync('true').pid, startTime: null })).toBe(false);
});

it('a name tells of a process in one form, on every system, and no number or date is one', () => {
  for (const identity of [thisProcess, { pid: 7, startTime: null }, { pid: 7, startTime: '12-0123abcd' }])
    expect(readProcessTag(processTag(identity))).toEqual(identity);
  expect(processTag({ pid: 7, startTime: null })).toBe('7-0-00000000');
  for (const name of ['2024', '2024-11-29', '2024-11', '7-12-0123abcg', 'x7-12-0123abcd', ''])
    expect(readProcessTag(name), name).toBeNull();
});

describe.skipIf(!isLinux)('where the system tells when a process began', () => {
  it('an id that is used again is another process', () => {
    const [ticks, boot] = thisProcess.startTime!.split('-');
    expect(isAlive({ ...thisProcess, startTime: `${Number(ticks) - 1}-${boot}` })).toBe(false);
    expect(isAlive({ ...thisProcess, startTime: `${ticks}-00000000` })).toBe(false);
  });

  it('it is the time that the system gives, to a second', () => {
    const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
    const bootedAt = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))![1]);
    const startedAt = bootedAt + Number(thisProcess.startTime!.split('-')[0]) / ticksPerSecond;
    expect(Math.abs(startedAt - (Date.now() / 1000 - process.uptime()))).toBeLessThan(2);
  });

  it('another process tells the same of itself, and is gone when it ends', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', tellingProgram], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill());
    const [told] = (await once(child.stdout, 'data')) as [Buffer];
    const identity = JSON.parse(told.toString()) as typeof thisProcess;
    expect(identity.pid).toBe(child.pid);
    expect(isAlive(identity)).toBe(true);
    expect(isAlive({ ...identity, startTime: thisProcess.startTime })).toBe(false);
    child.kill();
    await once(child, 'exit');
    expect(isAlive(identity)).toBe(false);
  });

  it('a name with brackets and spaces does not mislead', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'snug-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const program = path.join(folder, 'a) Z 1 (b');
    writeFileSync(program, '#!/bin/sh\necho started\nread line\n', { mode: 0o755 });
    const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill());
    await once(child.stdout, 'data');
    expect(readFileSync(`/proc/${child.pid}/stat`, 'utf8')).toContain('(a) Z 1 (b)');
    expect(isAlive({ pid: child.pid!, startTime: null })).toBe(true);
  });

  it('one that has ended and was not collected by its parent does not run', async () => {
    // The shell becomes a program that never collects the child it had, which ends after that.
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void parent.kill());
    const [told] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(told.toString());
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
    expect(isAlive({ pid, startTime: null })).toBe(false);
  });
});
