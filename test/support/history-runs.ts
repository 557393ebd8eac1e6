// Runs for tests of the history: written by the engine's own modules, with results as jobs give them.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import type { JobResult } from '../../src-main/contract/job.ts';
import { recipe as recipeSchema, type Recipe } from '../../src-main/contract/recipe.ts';
import { thisProcess } from '../../src-main/core/process-identity.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { catalogFile } from '../../src-main/engine/catalog/database.ts';
import { Engines } from '../../src-main/engine/catalog/engines.ts';
import { Experiments } from '../../src-main/engine/catalog/experiments.ts';
import { planFor } from './plans.ts';

const GiB = 2 ** 30;

export interface SeededRun {
  id: string;
  model: string;
  type: string;
  output: string;
  fileBytes: number;
  kld: number;
  created?: string;
  device?: string;
}

/** A fit for a 24 GiB card. */
export function fitRecipe({ model, output, type }: Pick<SeededRun, 'model' | 'output' | 'type'>): Recipe {
  const target = { kind: 'memory', bytes: 24 * GiB, context: 16_384 };
  return recipeSchema.parse({ verb: 'fit', model, output, target, plan: type });
}

export function fitResult({ id, type, output, fileBytes, kld, device = 'cuda' }: SeededRun): JobResult {
  const memory = {
    ...{ weightsBytes: fileBytes, kvBytes: 2 * GiB, buffersBytes: GiB / 2, reserveBytes: GiB, systemBytes: 0 },
    ...{ totalBytes: fileBytes + 3.5 * GiB, basis: 'llama.cpp' as const },
  };
  const quality = {
    ...{ engine: 'llama.cpp' as const, kind: 'as-run' as const, text: 'evaluation', textSha256: 'e'.repeat(64) },
    ...{ windows: 8, windowTokens: 2048, dense: { perplexity: 5.31, standardError: 0.04 } },
    compressed: { perplexity: 5.31 * (1 + kld), standardError: 0.05 },
    kld: { mean: kld, standardError: kld / 8, p99: kld * 9 },
    ...{ topOneAgreement: 1 - kld, topOneStandardError: 0.004 },
  };
  return {
    verb: 'fit',
    value: {
      ...{
        run: id,
        warnings: [],
        device,
        verdict: 'Fits.',
        best: type,
        output,
        fileBytes,
        sha256: sha256Of(fileBytes),
      },
      plan: planFor(type, { fileBytes, memory }),
      ...{ measured: [], plans: [], slices: { verdict: '', best: null, measured: null }, quality },
      ...{ calibration: null, command: null, seconds: { total: 754, calibrate: 300, quantize: 420 } },
      peakMemoryBytes: 9 * GiB,
    } as unknown as Extract<JobResult, { verb: 'fit' }>['value'],
  };
}

const isReal = (fileBytes: number): boolean => fileBytes < 1e6;

const sha256Of = (fileBytes: number): string =>
  isReal(fileBytes) ? createHash('sha256').update(Buffer.alloc(fileBytes)).digest('hex') : 'a'.repeat(64);

/** Keeps a finished fit; its file is a real one of as many bytes where it is small. */
export function addFit({ experiments }: Pick<Catalog, 'experiments'>, run: SeededRun): void {
  const { id, created = '2026-01-01T00:00:00.000Z' } = run;
  experiments.add({ id, recipe: fitRecipe(run), created, versions: { snug: '0.1.0' }, clonedFrom: null }, thisProcess);
  if (isReal(run.fileBytes)) writeFileSync(run.output, Buffer.alloc(run.fileBytes));
  experiments.noteModel(id, { path: run.model, hash: 'b'.repeat(64), bytes: 34_800_000_000 });
  experiments.update(id, { state: 'done', result: fitResult(run) });
}

const types = ['Q3_K_M', 'Q4_K_M', 'Q5_K_M', 'Q6_K', 'Q8_0'];
const families = ['Qwen2.5-32B-Instruct', 'Mistral-Small-24B', 'Llama-3.1-8B-Instruct', 'Phi-4', 'Gemma-3-27B'];

/** A long history: fits of five models, one a quarter of an hour, every fiftieth cancelled, every tenth tagged. The last two made real files in `folder`. */
function fill(catalog: Pick<Catalog, 'experiments'>, count: number, folder: string): void {
  const begin = Date.parse('2026-01-01T00:00:00Z');
  for (let index = 0; index < count; index++) {
    const id = `run${String(index).padStart(9, '0')}`;
    const type = types[index % types.length]!;
    const model = `/models/${families[index % families.length]!}.F16.gguf`;
    const created = new Date(begin + index * 900_000).toISOString();
    const isNewest = index >= count - 2;
    const output = path.join(isNewest ? folder : '/made', `${id}.${type}.gguf`);
    const run = { id, model, type, output, created, kld: 0.3 / ((index % 5) ** 2 * 4 + 1) + (index % 7) * 0.0003 };
    if (index % 50 === 7) {
      const recipe = fitRecipe(run);
      catalog.experiments.add({ id, recipe, created, versions: { snug: '0.1.0' }, clonedFrom: null }, thisProcess);
      catalog.experiments.update(id, { state: index === 7 ? 'paused' : 'cancelled' });
      continue;
    }
    addFit(catalog, { ...run, fileBytes: isNewest ? 4096 + index : (12 + (index % 5) * 4) * 1e9 });
    if (index % 10 === 0) catalog.experiments.tag(id, 'laptop');
  }
}

/** Writes a long history into `home`, in one transaction: a commit for each change of ten thousand runs takes a minute. */
export async function seedHistory(home: string, count: number): Promise<void> {
  (await Catalog.open(home)).close();
  const database = new Database(catalogFile(home));
  const experiments = new Experiments(database, new Engines(database));
  database.transaction(() => fill({ experiments }, count, home))();
  database.close();
}
