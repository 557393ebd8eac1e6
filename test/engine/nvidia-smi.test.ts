// nvidia-smi's answers. There is no NVIDIA GPU where this was written: the texts are those that its versions print.
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { nvidiaGpus, readNvidiaSmi } from '../../src-main/engine/devices/nvidia-smi.ts';
import { temporaryFolder } from '../support/engine.ts';

const MiB = 2 ** 20;
const answer = (text: string, exitCode: number | null = 0) => readNvidiaSmi({ text, exitCode });

describe('an answer', () => {
  test('of one GPU, with the line ends of Windows too', () => {
    const gpu = {
      ...{ index: 0, name: 'NVIDIA GeForce RTX 4090', driver: '550.54.15', isDivided: false },
      ...{ totalBytes: 24_564 * MiB, freeBytes: 23_028 * MiB },
    };
    const line = '0, NVIDIA GeForce RTX 4090, 550.54.15, 24564, 23028, [N/A]';
    expect(answer(line)).toEqual({ gpus: [gpu], reason: null });
    expect(answer(`${line}\r\n`).gpus).toEqual([gpu]);
  });

  test('of several, one of them divided by MIG', () => {
    const { gpus } = answer(
      [
        '0, NVIDIA A100-SXM4-80GB, 535.161.08, 81920, 81050, Disabled',
        '1, NVIDIA A800-SXM4-80GB, 535.161.08, 81920, 45383, Enabled',
      ].join('\n'),
    );
    expect(gpus.map(({ index, isDivided }) => [index, isDivided])).toEqual([
      [0, false],
      [1, true],
    ]);
  });

  test('with fields that it does not tell', () => {
    const [gpu] = answer('0, NVIDIA GB10, 580.95.05, [N/A], [N/A], [N/A]').gpus;
    expect(gpu).toMatchObject({ name: 'NVIDIA GB10', totalBytes: null, freeBytes: null, isDivided: false });
    const [old] = answer('0, Tesla K80, [Unknown Error], 11441, [Insufficient Permissions]').gpus;
    expect(old).toMatchObject({ driver: null, totalBytes: 11_441 * MiB, freeBytes: null });
  });

  test.each([
    ["NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 9],
    ['Failed to initialize NVML: Driver/library version mismatch', 18],
    ['No devices were found', 6],
    ['No devices were found', 0],
  ])('that is a failure: %s', (text, code) => {
    const found = answer(`${text}\nMore words.`, code);
    expect(found.gpus).toEqual([]);
    expect(found.reason).toContain(text);
    if (code) expect(found.reason).toContain(`exit code ${code}`);
  });

  test('that is empty', () => expect(answer('').reason).toContain('it said nothing'));
});

describe.skipIf(process.platform === 'win32')('a program', () => {
  const program = (script: string): string => {
    const file = path.join(temporaryFolder(), 'nvidia-smi');
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  };

  test('that is not there leaves the next one to be asked', async () => {
    const here = program('echo "0, NVIDIA T4, 470.1, 15109, 15000, [N/A]"');
    expect((await nvidiaGpus({ programs: ['/nowhere/nvidia-smi', here] })).gpus).toHaveLength(1);
    const { reason } = await nvidiaGpus({ programs: ['/nowhere/nvidia-smi'] });
    expect(reason).toContain('not on this machine');
  });

  test('that is too old for MIG is asked without it', async () => {
    const old = program(
      'case "$1" in *mig*) echo \'Field "mig.mode.current" is not a valid field to query.\'; exit 2;; esac\necho "0, Tesla M60, 430.40, 7618, 7618"',
    );
    expect((await nvidiaGpus({ programs: [old] })).gpus).toMatchObject([{ name: 'Tesla M60', driver: '430.40' }]);
  });

  test('that hangs is ended', async () => {
    const start = performance.now();
    const { gpus, reason } = await nvidiaGpus({ programs: [program('exec sleep 60')], limitMs: 300 });
    expect(gpus).toEqual([]);
    expect(reason).toContain('did not answer within 0.3 s');
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  test('that ends by itself with an error gives its words and its exit code', async () => {
    const { reason } = await nvidiaGpus({
      programs: [program('echo "Unable to determine the device handle" >&2; exit 15')],
    });
    expect(reason).toBe('nvidia-smi: Unable to determine the device handle (exit code 15)');
  });
});
