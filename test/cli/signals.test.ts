// The command line as a real process with a real engine process: signals, streams, ends of the engine.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { childrenOf } from '../support/killing.ts';

type Behaviour = 'slow' | 'late' | 'stubborn' | 'stuck' | 'dying' | undefined;

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  /** Milliseconds since the first signal. */
  afterSignalMs: number;
}

/** Starts `snug plan` and runs `whenRunning` once its job reports progress. */
function startPlan(
  behaviour: Behaviour,
  whenRunning: (child: ChildProcessWithoutNullStreams) => void = () => {},
): Promise<Ended> {
  const args = [fileURLToPath(import.meta.resolve('./fake-main.ts')), 'plan', 'm.gguf', '--memory', '1GB', '--json'];
  const environment = { ...process.env, ...(behaviour ? { FAKE_ENGINE: behaviour } : {}) };
  const child = spawn(process.execPath, args, { env: environment });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended: Ended = { code: null, stdout: '', stderr: '', afterSignalMs: 0 };
  let signalledAt = 0;
  child.stdout.on('data', (chunk: Buffer) => (ended.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    ended.stderr += chunk.toString();
    if (signalledAt !== 0 || !ended.stderr.includes('open: 50%')) return;
    signalledAt = performance.now();
    whenRunning(child);
  });
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ ...ended, code, afterSignalMs: performance.now() - signalledAt }));
  });
}

const errorOf = ({ stdout }: Ended): unknown => (JSON.parse(stdout) as { error: unknown }).error;

const cancelled = (how: string): object => ({
  code: 'CANCELLED',
  message: expect.stringMatching(new RegExp(`${how}.*snug resume job-1`)) as string,
  details: { run: 'job-1' },
});

describe.skipIf(process.platform === 'win32')('the process', () => {
  it('prints one JSON object, whatever the engine writes', async () => {
    const run = await startPlan(undefined);
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({ best: 'q4-k-m' });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s cancels the job within two seconds', async (signal) => {
    const run = await startPlan('slow', (child) => child.kill(signal));
    expect(run.code).toBe(130);
    expect(JSON.parse(run.stdout)).toMatchObject({ error: { code: 'CANCELLED' } });
    expect(run.afterSignalMs).toBeLessThan(2000);
  });

  it('the same signal twice at once is one wish', async () => {
    const run = await startPlan('slow', (child) => {
      child.kill('SIGINT');
      child.kill('SIGTERM');
    });
    expect([run.code, (JSON.parse(run.stdout) as { error: { code: string } }).error.code]).toEqual([130, 'CANCELLED']);
  });

  it('waits for an engine that lets a worker go only when it has to, and names the run', async () => {
    const run = await startPlan('late', (child) => child.kill('SIGINT'));
    expect(run.code).toBe(130);
    expect(errorOf(run)).toEqual(cancelled('Nothing was left half written'));
    expect(run.afterSignalMs).toBeLessThan(2000);
  });

  it.each(['stubborn', 'stuck'] as const)('ends a %s engine within two seconds, and names the run', async (kind) => {
    const run = await startPlan(kind, (child) => child.kill('SIGINT'));
    expect(run.code).toBe(130);
    expect(errorOf(run)).toEqual(cancelled('did not let go in time'));
    expect(run.afterSignalMs).toBeLessThan(2000);
  });

  it('a second signal ends everything at once', async () => {
    const run = await startPlan('stubborn', (child) => {
      child.kill('SIGINT');
      setTimeout(() => child.kill('SIGINT'), 600);
    });
    expect([run.code, run.stdout]).toEqual([130, '']);
    expect(run.afterSignalMs).toBeLessThan(1500);
  });

  it('an engine that dies is an error', async () => {
    const run = await startPlan('dying');
    expect(run.code).toBe(1);
    expect(JSON.parse(run.stdout)).toMatchObject({
      error: { code: 'WORKER_CRASHED', message: expect.stringContaining('exit code 7') as string },
    });
  });

  it.skipIf(process.platform !== 'linux')('an engine that is killed is an error that names the run', async () => {
    const run = await startPlan('slow', (child) => process.kill(childrenOf(child.pid!)[0]!.pid, 'SIGKILL'));
    expect(run.code).toBe(1);
    expect(errorOf(run)).toEqual({
      code: 'WORKER_CRASHED',
      message: expect.stringMatching(/SIGKILL.*snug resume job-1/) as string,
      details: { process: 'engine', reason: 'signal SIGKILL', run: 'job-1' },
    });
  });
});
