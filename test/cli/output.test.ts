// What goes where: one JSON object on stdout, progress and complaints on stderr, and the exit code of every end.
import { describe, expect, it } from 'vitest';
import { errorCodes, type ErrorCode } from '../../src-main/contract/errors.ts';
import type { JobEvent } from '../../src-main/contract/job.ts';
import type { Recipe } from '../../src-main/contract/recipe.ts';
import { version } from '../../src-main/contract/version.ts';
import { verbs } from '../../src-main/cli/verb-list.ts';
import { successfulJob } from './fake-engine.ts';
import { deviceList, inspectionOf, installed, searchFound, textList } from './fake-answers.ts';
import { results } from './fake-results.ts';
import { exported, runnerList } from './fake-runners.ts';
import { snug, type Run } from './run.ts';

const fitLine = 'fit m.gguf --memory 24GiB --output o.gguf';

/** A job that ends with `last` instead of its canned result. */
function ending(last: JobEvent): { events: (recipe: Recipe) => JobEvent[] } {
  return { events: (recipe) => [...successfulJob(recipe).slice(0, 2), last] };
}

function failing(code: ErrorCode, details = {}): { events: (recipe: Recipe) => JobEvent[] } {
  return ending({ type: 'failed', error: { code, message: `It was ${code}.`, details } });
}

function json(run: Run): unknown {
  expect(run.stdout.endsWith('\n') && !run.stdout.trimEnd().includes('\n')).toBe(true);
  return JSON.parse(run.stdout);
}

describe('--json', () => {
  it.each([
    ['inspect m.gguf', inspectionOf('/here/m.gguf')],
    ['texts', textList],
    ['search qwen3 0.6b', searchFound],
    ['devices', deviceList],
    ['devices --install-cuda', { ...deviceList, installed }],
    ['plan m.gguf --memory 24GiB', results.plan.value],
    [fitLine, results.fit.value],
    ['quantize m.gguf --type Q4_K_M --output o.gguf', results.quantize.value],
    ['calibrate m.gguf', results.calibrate.value],
    ['evaluate m.gguf', results.evaluate.value],
    ['demo', results.fit.value],
    ['runners', runnerList],
    ['export m.gguf --to ollama', exported],
    ['--version', { version }],
  ])('snug %s prints the result alone', async (line, value) => {
    const run = await snug(`${line} --json`);
    expect(run.exitCode).toBe(0);
    expect(json(run)).toEqual(value);
    expect(run.engineCloses).toBe(run.engineStarts);
  });

  it('prints the error object alone', async () => {
    const run = await snug('inspect missing.gguf --json');
    expect(run.exitCode).toBe(2);
    expect(json(run)).toEqual({
      error: {
        code: 'FILE_NOT_FOUND',
        message: 'Cannot open /here/missing.gguf.',
        details: { path: '/here/missing.gguf' },
      },
    });
    expect(run.stderr).toBe('');
    expect(run.engineCloses).toBe(1);
  });

  it('keeps the details of an error of a job', async () => {
    const run = await snug(`${fitLine} --json`, { script: failing('PROOF_FAILED', { proof: { passed: false } }) });
    expect(run.exitCode).toBe(1);
    expect(json(run)).toMatchObject({ error: { code: 'PROOF_FAILED', details: { proof: { passed: false } } } });
  });

  it('works before the verb too', async () => {
    expect(json(await snug('--json texts'))).toEqual(textList);
  });

  it('lists verbs and options as help', async () => {
    expect(json(await snug('help --json'))).toMatchObject({ verbs: verbs.map(({ name }) => ({ verb: name })) });
    expect(json(await snug('fit --help --json'))).toMatchObject({
      verbs: [{ verb: 'fit', usage: expect.stringContaining('snug fit MODEL') as string }],
    });
  });

  it('leaves the story of the demo out', async () => {
    expect((await snug('demo --json --progress line')).stderr).toBe('open: 50%\n');
  });
});

describe('exit codes', () => {
  const bad = new Set([
    'USAGE',
    'FILE_NOT_FOUND',
    'FILE_MALFORMED',
    'NON_FINITE',
    'NOT_WRITABLE',
    'INPUTS_CHANGED',
    'OUTPUT_EXISTS',
    'DEVICE_UNAVAILABLE',
    'RUNNER_NOT_FOUND',
    'LINK_IMPOSSIBLE',
  ]);
  const expected = (code: ErrorCode): number => {
    if (code === 'CANCELLED') return 130;
    return bad.has(code) || /^(UNSUPPORTED|TEXT|IMPORTANCE|HUB_(NOT|GATED|OFFLINE))_?/.test(code) ? 2 : 1;
  };

  it.each(errorCodes)('%s', async (code) => {
    const run = await snug('plan m.gguf --memory 1GB', { script: failing(code) });
    expect(run.exitCode).toBe(expected(code));
    expect(run.stderr).toContain(`snug: ${code}: It was ${code}.`);
    expect(run.stdout).toBe('');
  });

  it('3 where nothing fits, for plan and fit', async () => {
    const plan = { ...results.plan.value, verdict: 'Does not fit.', best: null };
    const planned = await snug('plan m.gguf --memory 1GB --json', {
      script: ending({ type: 'finished', result: { verb: 'plan', value: plan } }),
    });
    expect([planned.exitCode, json(planned)]).toEqual([3, plan]);
    const fit = {
      ...results.fit.value,
      verdict: 'Does not fit.',
      best: null,
      plan: null,
      output: null,
      fileBytes: null,
      sha256: null,
    };
    const fitted = await snug(`${fitLine} --json`, {
      script: ending({ type: 'finished', result: { verb: 'fit', value: fit } }),
    });
    expect([fitted.exitCode, json(fitted)]).toEqual([3, fit]);
  });

  it('4 where the gate was not passed, 0 where it was', async () => {
    const gated = (passed: boolean): Promise<Run> => {
      const gate = { limit: 0.02, value: 0.0213, passed, measure: 'kld' as const };
      const result = { verb: 'quantize' as const, value: { ...results.quantize.value, gate } };
      return snug('quantize m.gguf --type Q4_0 --output o.gguf --gate-kld 0.02', {
        script: ending({ type: 'finished', result }),
      });
    };
    const failed = await gated(false);
    expect(failed.exitCode).toBe(4);
    expect(failed.stdout).toContain(
      'Quality gate not passed: KLD 0.0213 is above the limit 0.0200. The file was kept.',
    );
    expect((await gated(true)).exitCode).toBe(0);
  });

  it('1 where the engine is gone', async () => {
    const run = await snug('plan m.gguf --memory 1GB', { lost: true, script: { events: () => [{ type: 'started' }] } });
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('WORKER_CRASHED');
  });
});

describe('cancelling', () => {
  const endless = { events: (recipe: Recipe): JobEvent[] => successfulJob(recipe).slice(0, 2) };

  it('cancels the job and exits with 130', async () => {
    const run = await snug(`${fitLine} --json`, { script: endless, signal: AbortSignal.timeout(50) });
    expect(run.exitCode).toBe(130);
    expect(json(run)).toMatchObject({ error: { code: 'CANCELLED' } });
  });

  it('gives up on an engine that does not answer', async () => {
    const startedAt = performance.now();
    const run = await snug(fitLine, { script: { ...endless, stubborn: true }, signal: AbortSignal.timeout(50) });
    expect(run.exitCode).toBe(130);
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  it('does not start what is cancelled already', async () => {
    const run = await snug(fitLine, { script: endless, signal: AbortSignal.abort() });
    expect(run.exitCode).toBe(130);
  });
});

describe('help', () => {
  it.each(['--help', '-h', 'help'])('snug %s lists the verbs without an engine', async (line) => {
    const run = await snug(line);
    expect(run.exitCode).toBe(0);
    expect(run.engineStarts).toBe(0);
    const longest = Math.max(...verbs.map(({ name }) => name.length));
    for (const { name, summary } of verbs) expect(run.stdout).toContain(`${name.padEnd(longest)}  ${summary}`);
  });

  it.each(['quantize --help', 'quantize -h', 'help quantize', '--help quantize', 'quantize m.gguf --type X --help'])(
    'snug %s',
    async (line) => {
      const run = await snug(line);
      expect(run.exitCode).toBe(0);
      expect(run.stdout).toContain('Usage: snug quantize MODEL --type TYPE --output FILE.gguf [options]');
      expect(run.stdout).toContain('--importance on|off|FILE');
    },
  );
});
