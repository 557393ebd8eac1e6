// Calibration as a stage of a job: saved, used again, taken up, shared between engines, refused when anything changed.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calibrationOptions } from '../../src-main/contract/recipe.ts';
import { AppError } from '../../src-main/contract/errors.ts';
import type { Progress } from '../../src-main/contract/progress.ts';
import { processTag } from '../../src-main/core/process-identity.ts';
import type { BlockStatisticsOptions } from '../../src-main/engine/stages/statistics.ts';
import { temporaryFolder } from '../support/engine.ts';
import { withElement } from '../support/broken-models.ts';
import { sampleModel } from '../support/paths.ts';
import { statisticsJob } from '../support/statistics-job.ts';

const shared = mkdtempSync(path.join(tmpdir(), 'snug-statistics-'));
afterAll(() => rmSync(shared, { recursive: true }));
/** Rows of ids: they need no tokenizer, which would be a process more for every job. */
const rows = path.join(shared, 'rows.tokens.json');
const rowOf = (length: number, start = 0): number[] =>
  Array.from({ length }, (_, index) => 10 + ((start + index) % 4000));
writeFileSync(rows, JSON.stringify({ input_ids: Array.from({ length: 24 }, (_, row) => rowOf(256, row * 97)) }));

const optionsOf = (change: Partial<BlockStatisticsOptions> = {}, samples = 2): BlockStatisticsOptions => ({
  ...{ source: sampleModel, hiddenSize: 256, device: 'cpu' },
  calibration: calibrationOptions.parse({ texts: [rows], samples, length: 256 }),
  ...change,
});

const savedIn = (home: string): string[] => readdirSync(path.join(home, 'statistics')).toSorted();
const contentsOf = (folder: string): Record<string, Buffer> =>
  Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(path.join(folder, file))]));

/** A home in which the statistics of `optionsOf()` are saved already. */
let prepared: { home: string; fingerprint: string };
function copyOfPrepared(): { home: string; fingerprint: string; saved: string } {
  const home = temporaryFolder();
  cpSync(prepared.home, home, { recursive: true });
  return { home, fingerprint: prepared.fingerprint, saved: path.join(home, 'statistics', prepared.fingerprint) };
}

beforeAll(async () => {
  const home = path.join(shared, 'home');
  const { fingerprint } = await statisticsJob({ home, options: optionsOf() });
  prepared = { home, fingerprint };
});

describe('saved statistics', () => {
  test('are made once and used again, also by a job on a copy of the model', async () => {
    const { home, fingerprint, saved } = copyOfPrepared();
    expect(savedIn(home)).toEqual([fingerprint]);
    expect(readdirSync(saved).toSorted()).toEqual(['gram.gguf', 'importance.gguf']);
    const copy = path.join(home, 'copy.gguf');
    cpSync(sampleModel, copy);
    const stages = new Set<string>();
    const again = await statisticsJob({
      ...{ home, options: optionsOf({ source: copy, device: 'auto' }) },
      report: ({ stage, unit }) => stages.add(`${stage} ${unit ?? ''}`),
      look: ({ gram, importance, folder }, { scratch }) => {
        expect(path.dirname(folder)).toBe(scratch);
        expect(readFileSync(gram)).toEqual(readFileSync(path.join(saved, 'gram.gguf')));
        expect(readFileSync(importance)).toEqual(readFileSync(path.join(saved, 'importance.gguf')));
      },
    });
    expect(again).toMatchObject({
      ...{ reused: true, resumedAtLayer: null, fingerprint, texts: [rows] },
      use: { samples: 2, tokens: 512 },
    });
    expect(again.warnings).toEqual([expect.stringMatching(/Only 512 calibration tokens: at least 2048/)]);
    expect([...stages]).toContain('fingerprint bytes');
    expect([...stages]).not.toContain('calibrate tokens');
  });

  test('are refused when anything changed', async () => {
    const { home, fingerprint } = copyOfPrepared();
    const changed = path.join(home, 'changed.gguf');
    await withElement(changed, 'blk.5.ffn_down.weight', 99, 0x1111);
    const jobs = [
      { home, options: optionsOf({ source: changed }) },
      { home, options: optionsOf(), threads: 2 },
    ];
    for (const job of jobs) expect(await statisticsJob(job)).toMatchObject({ reused: false });
    expect(savedIn(home)).toHaveLength(1 + jobs.length);
    expect(savedIn(home)).toContain(fingerprint);
  });

  test.each(['gram.gguf', 'importance.gguf'])('with a damaged %s are made again, with a warning', async (name) => {
    const { home, fingerprint, saved } = copyOfPrepared();
    const whole = contentsOf(saved);
    const bytes = Buffer.from(whole[name]!);
    bytes[bytes.length - 2000]! ^= 1;
    rmSync(path.join(saved, name)); // the file may be shared
    writeFileSync(path.join(saved, name), bytes);
    const { reused, warnings } = await statisticsJob({ home, options: optionsOf() });
    expect(reused).toBe(false);
    expect(warnings.find((warning) => warning.includes('made again'))).toContain(name);
    expect(contentsOf(saved)).toEqual(whole);
    expect(savedIn(home)).toEqual([fingerprint]);
  });

  test('cannot be kept where the user data cannot be written: the job has its own', async () => {
    const home = path.join(temporaryFolder(), 'a-file');
    writeFileSync(home, '');
    const job = {
      ...{ home, options: optionsOf({ calibration: calibrationOptions.parse({ samples: 2, length: 256 }) }) },
      look: ({ gram }: { gram: string }) => expect(existsSync(gram)).toBe(true),
    };
    expect(await statisticsJob(job)).toMatchObject({ reused: false });
  });
});

describe('windows', () => {
  test('of different lengths are cut to one, with a warning', async () => {
    const home = temporaryFolder();
    const uneven = path.join(home, 'uneven.tokens.json');
    writeFileSync(uneven, JSON.stringify({ input_ids: [rowOf(64), rowOf(64), rowOf(20)] }));
    const calibration = calibrationOptions.parse({ texts: [uneven], samples: 4, length: 256 });
    const { use, warnings } = await statisticsJob({ home, options: optionsOf({ calibration }) });
    expect(use).toMatchObject({ samples: 2, tokens: 128 });
    expect(warnings[0]).toMatch(/2 windows of 64 tokens were used, and 20 of 148 tokens left out/);
  });
});

describe('a job that ends early', () => {
  test('cancelled: ends within 2 s, keeps its checkpoint for the next one', async () => {
    const home = temporaryFolder();
    const options = optionsOf({}, 24);
    const controller = new AbortController();
    let at = 0;
    const report = ({ stage, unit, done, total }: Progress): void => {
      if (stage !== 'calibrate' || unit !== 'tokens' || done / total < 0.5 || controller.signal.aborted) return;
      at = performance.now();
      controller.abort();
    };
    const job = statisticsJob({ home, options, signal: controller.signal, report });
    await expect(job).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(performance.now() - at).toBeLessThan(2000);
    const [part] = savedIn(home);
    expect(part).toMatch(/^[0-9a-f]{64}\.part$/);
    const left = readdirSync(path.join(home, 'statistics', part!));
    expect(left).toEqual(expect.arrayContaining(['checkpoint.gguf', 'owner.nobody']));
    const next = await statisticsJob({ home, options });
    expect(next).toMatchObject({ reused: false, warnings: [] });
    expect(next.resumedAtLayer).toBeGreaterThanOrEqual(1);
    expect(savedIn(home)).toEqual([next.fingerprint]);
  });

  test('on numbers that are not finite: leaves nothing', async () => {
    const home = temporaryFolder();
    const source = path.join(home, 'nan.gguf');
    await withElement(source, 'blk.4.ffn_up.weight', 5, 0x7e00);
    const error = await statisticsJob({ home, options: optionsOf({ source }) }).catch(AppError.from);
    expect(error).toMatchObject({ code: 'NON_FINITE', details: { tensor: 'blk.4.ffn_up.weight' } });
    expect(savedIn(home)).toEqual([]);
  });

  test('on a device that is not there: says so', async () => {
    const job = statisticsJob({ home: temporaryFolder(), options: optionsOf({ device: 'cuda' }) });
    await expect(job).rejects.toMatchObject({ code: 'DEVICE_UNAVAILABLE' });
  });
});

test('a wait for another engine is cancelled at once', async () => {
  const { home, fingerprint, saved } = copyOfPrepared();
  renameSync(saved, `${saved}.part`);
  writeFileSync(path.join(`${saved}.part`, `owner.${processTag({ pid: process.ppid, startTime: null })}`), '');
  const controller = new AbortController();
  const report = ({ detail }: Progress): void => {
    if (detail?.startsWith('waiting')) controller.abort();
  };
  const job = statisticsJob({ home, options: optionsOf(), signal: controller.signal, report });
  await expect(job.catch(AppError.from)).resolves.toMatchObject({ code: 'CANCELLED' });
  expect(savedIn(home)).toEqual([`${fingerprint}.part`]);
});
