// Speed of linear algebra. node test/bench/linear-algebra.ts [THREADS] [ROUNDS]
// The LAPACK of this machine and the addon's own code take turns; ratios are of the best rounds, as other programs on
// the machine only ever add time. The first line is the measured peak that other speeds are held against.
import { availableParallelism, cpus } from 'node:os';
import type { LinearAlgebra } from '../../src-main/core/linear-algebra/linear-algebra.ts';
import { fallbackLinearAlgebra, openLinearAlgebra } from '../../src-main/worker/native/native-linear-algebra.ts';
import { randomMatrix } from '../worker/matrices.ts';

const threads = Number(process.argv[2] ?? availableParallelism());
const rounds = Number(process.argv[3] ?? 3);
const { signal } = new AbortController();
const what = 'bench';

interface Measurement {
  name: string;
  /** Floating-point operations by the usual count; null where it says little. */
  operations: number | null;
  call: (algebra: LinearAlgebra) => Promise<unknown>;
}

function product(size: number, type: 'float32' | 'float64'): Measurement {
  const shape = { what, rows: size, inner: size, columns: size };
  const [a, b] = [randomMatrix(size, size, 1), randomMatrix(size, size, 2)];
  const name = `${type === 'float32' ? 'sgemm' : 'dgemm'} ${size}³`;
  const operations = 2 * size ** 3;
  if (type === 'float64') {
    const doubles = { ...shape, a, b, output: new Float64Array(size * size) };
    return { name, operations, call: (algebra) => algebra.gemm(doubles, signal) };
  }
  const floats = { ...shape, a: Float32Array.from(a), b: Float32Array.from(b), output: new Float32Array(size * size) };
  return { name, operations, call: (algebra) => algebra.gemm(floats, signal) };
}

function gram(rows: number, size: number, precision: 'float32' | 'float64'): Measurement {
  const update = { what, rows, size, precision, gram: new Float64Array(size * size) };
  const values = Float32Array.from(randomMatrix(rows, size, 3));
  return {
    name: `gram ${rows} x ${size} ${precision}`,
    operations: 2 * rows * size ** 2,
    call: (algebra) => algebra.gramAccumulate({ ...update, values }, signal),
  };
}

function eigh(size: number): Measurement {
  const matrix = randomMatrix(size, size, 4); // its upper triangle is a symmetric matrix
  return { name: `eigh ${size}`, operations: null, call: (algebra) => algebra.eigh({ what, matrix, size }, signal) };
}

function solving(size: number): Measurement[] {
  const matrix = randomMatrix(size, size, 5);
  const definite = matrix.map((value, i) => (i % (size + 1) === 0 ? size : value));
  const problem = { what, matrix: definite, size, rightSides: matrix, columns: size };
  return [
    {
      name: `choleskySolve ${size}, ${size} sides`,
      operations: (7 / 3) * size ** 3,
      call: (algebra) => algebra.choleskySolve(problem, signal),
    },
    {
      name: `qr ${size}`,
      operations: (8 / 3) * size ** 3,
      call: (algebra) => algebra.qr({ what, matrix, rows: size, columns: size }, signal),
    },
  ];
}

async function secondsOf(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await call();
  return (performance.now() - start) / 1000;
}

async function measure({ name, operations, call }: Measurement, algebras: LinearAlgebra[]): Promise<void> {
  const best = algebras.map(() => Infinity);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, algebra] of algebras.entries()) {
      best[index] = Math.min(best[index]!, await secondsOf(() => call(algebra)));
    }
  }
  const shown = algebras.map(({ library }, index) => {
    const seconds = best[index]!;
    const speed = operations === null ? '' : `, ${(operations / seconds / 1e9).toFixed(0)} GFLOP/s`;
    return `${library.kind} ${(seconds * 1000).toFixed(1)} ms${speed}`;
  });
  const ratio = best.length === 2 ? ` | fallback / lapack time ${(best[1]! / best[0]!).toFixed(2)}` : '';
  console.log(`${name.padEnd(30)} ${shown.join(' | ')}${ratio}`);
}

const opened = openLinearAlgebra(threads);
const fallback = fallbackLinearAlgebra(threads);
const algebras = opened.library.kind === 'lapack' ? [opened, fallback] : [fallback];
console.log(
  `${opened.library.name}, integers of ${opened.library.integerBits ?? '-'} bits, ${opened.library.path ?? 'no file'}`,
);
console.log(`${threads} threads, best of ${rounds}, ${cpus()[0]?.model ?? 'unknown processor'}`);
const measurements = [
  product(2048, 'float32'),
  product(1024, 'float64'),
  gram(2048, 576, 'float32'),
  gram(2048, 576, 'float64'),
  gram(2048, 1536, 'float32'),
  ...solving(1024),
  eigh(512),
  eigh(576),
  eigh(1024),
];
for (const measurement of measurements) await measure(measurement, algebras);
