// Speed of the quantiser. node test/bench/quantize.ts [MODEL.gguf] [THREADS] [ROUNDS]
// (a) kernels: convertRows against ggml_quantize_chunk called directly by a C++ program, same values, same threads.
// (b) whole files: the quantize task against llama_model_quantize in this process.
// Both sides take turns; the ratio is of the best rounds, as other programs on the machine only ever add time.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { openGguf } from '../../src-main/core/formats/gguf-reader.ts';
import type { TensorEntry } from '../../src-main/core/formats/tensor.ts';
import { hasOnlyFloats } from '../../src-main/core/quantization/float-model.ts';
import { findMix } from '../../src-main/core/quantization/mixes.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { findGgmlBase } from '../../src-main/worker/native/find-ggml.ts';
import { openGgml } from '../../src-main/worker/native/native-quantizer.ts';
import { realModel, root, sampleModel } from '../support/paths.ts';
import {
  makeImportance,
  quantizeReference,
  quiet,
  seededNumbers,
  temporaryFolder,
  typesOf,
} from '../worker/quantize-oracle.ts';

const model = process.argv[2] ?? realModel ?? sampleModel;
const threads = Number(process.argv[3] ?? cpus().length);
const rounds = Number(process.argv[4] ?? 5);
const folder = temporaryFolder();

const rows = 4096;
const columns = 4096;
/** Our rate over the direct one, at least; our time over llama.cpp's, at most. */
const leastKernelRate = 0.9;
const mostTaskTime = 1.3;

let missed = 0;

interface Spent {
  seconds: number;
  cpuSeconds: number;
}

interface Times {
  name: string;
  ours: Spent[];
  theirs: Spent[];
}

/** Time of a call, with all threads of this process. */
async function spent(call: () => unknown): Promise<Spent> {
  const start = performance.now();
  const cpu = process.cpuUsage();
  await call();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
}

/** Prints theirs / ours for a rate, ours / theirs for a time; null = no limit, for information. */
function report({ name, ours, theirs }: Times, kind: 'rate' | 'time', limit: number | null): void {
  const best = (rounds: Spent[], key: keyof Spent): number => Math.min(...rounds.map((round) => round[key]));
  const ratioOf = (key: keyof Spent): number => (best(ours, key) / best(theirs, key)) ** (kind === 'rate' ? -1 : 1);
  const ratio = ratioOf('seconds');
  const isGood = limit === null || (kind === 'rate' ? ratio >= limit : ratio <= limit);
  if (!isGood) missed += 1;
  const judged =
    limit === null ? '' : `, ${kind === 'rate' ? 'at least' : 'at most'} ${limit}: ${isGood ? 'ok' : 'MISSED'}`;
  const seconds = `ours ${best(ours, 'seconds').toFixed(3)} s, theirs ${best(theirs, 'seconds').toFixed(3)} s`;
  console.log(
    `${name.padEnd(40)} ${seconds}, ${kind} ratio ${ratio.toFixed(2)} (CPU ${ratioOf('cpuSeconds').toFixed(2)})${judged}`,
  );
}

async function kernels(): Promise<void> {
  const program = path.join(folder, 'direct-kernel');
  const sources = ['test/bench/direct-kernel.cc', 'native/common/dynamic_library.cc'].map((file) =>
    path.join(root, file),
  );
  const built = spawnSync(
    'g++',
    ['-std=c++20', '-O3', '-I', path.join(root, 'native/common'), ...sources, '-o', program, '-ldl', '-lpthread'],
    { encoding: 'utf8' },
  );
  if (built.status !== 0) throw new Error(`g++: ${built.error?.message ?? built.stderr}`);
  const next = seededNumbers(5);
  const values = Float32Array.from({ length: rows * columns }, () => next() + next() + next() - 1.5);
  const file = path.join(folder, 'values.f32');
  writeFileSync(file, values);
  const { addon, types } = openGgml();
  for (const [name, count] of [
    ['Q4_K', 1],
    ['Q4_K', threads],
    ['Q8_0', threads],
    ['Q6_K', threads],
  ] as const) {
    const { id, blockSize, typeSize } = types.get(name)!;
    const output = new Uint8Array((rows * columns * typeSize) / blockSize);
    const ours: Spent[] = [];
    const theirs: Spent[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const direct = spawnSync(program, [findGgmlBase(), file, id, rows, columns, count].map(String), {
        encoding: 'utf8',
      });
      if (direct.status !== 0) throw new Error(`direct-kernel ended with ${direct.status}`);
      const [seconds, cpuSeconds] = direct.stdout.split(' ').map(Number);
      theirs.push({ seconds: seconds!, cpuSeconds: cpuSeconds! });
      const numbers = { sourceType: 0, targetType: id };
      const shape = { rows, columns, firstRow: 0, rowsPerSlice: rows };
      const source = new Uint8Array(values.buffer);
      const request = { ...numbers, ...shape, source, output, importance: null, threads: count, cancel: null };
      ours.push(await spent(() => addon.convertRows(request)));
    }
    // Q8_0 is bound by memory: there the check of every value shows. The limit is promised for Q4_K.
    report(
      { name: `kernel ${name}, ${count} threads`, ours, theirs },
      'rate',
      name === 'Q4_K' ? leastKernelRate : null,
    );
  }
}

interface TaskCase {
  source: string;
  mix: string;
  importance?: string;
  /** A plain copy: llama.cpp neither hashes nor syncs what it writes, so there is no limit. */
  isCopy?: boolean;
}

async function wholeFile({ source, mix, importance, isCopy = false }: TaskCase): Promise<void> {
  const { fileType } = findMix(mix);
  const reference = path.join(folder, 'reference.gguf');
  const output = path.join(folder, 'ours.gguf');
  const ours: Spent[] = [];
  const theirs: Spent[] = [];
  for (let round = 0; round < rounds; round += 1) {
    rmSync(output, { force: true });
    rmSync(reference, { force: true });
    theirs.push(
      await spent(() => quantizeReference({ input: source, output: reference, fileType, threads, importance })),
    );
    const types = await typesOf(reference);
    const request = { source, output, types, fileType, importance: importance ?? null, threads };
    ours.push(await spent(() => handlers.quantize(request, quiet)));
  }
  const name = `task ${mix}${isCopy ? ' (copy)' : ''}${importance ? ' with importance' : ''}, ${threads} threads`;
  report({ name, ours, theirs }, 'time', isCopy ? null : mostTaskTime);
}

async function wholeFiles(): Promise<void> {
  // The expansion that evaluation makes, and the floats it gives as the source of the rest.
  const floats = path.join(folder, 'floats.gguf');
  await wholeFile({ source: model, mix: 'F16', isCopy: hasOnlyFloats(await tensorsOf(model)) });
  await quantizeReference({ input: model, output: floats, fileType: findMix('F16').fileType });
  const importance = await makeImportance(floats, folder);
  await wholeFile({ source: floats, mix: 'Q8_0' });
  await wholeFile({ source: floats, mix: 'Q4_K_M' });
  await wholeFile({ source: floats, mix: 'Q4_K_M', importance });
}

async function tensorsOf(file: string): Promise<TensorEntry[]> {
  const gguf = await openGguf(file);
  await gguf.close();
  return gguf.tensors;
}

console.log(
  `${path.basename(model)}, ${threads} threads, best of ${rounds}, ${cpus()[0]?.model ?? 'unknown processor'}`,
);
try {
  await kernels();
  await wholeFiles();
} finally {
  rmSync(folder, { recursive: true });
}
process.exitCode = missed === 0 ? 0 : 1;
