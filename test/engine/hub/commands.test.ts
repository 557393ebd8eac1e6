// The command line on models of a hub: inspect and plan answer from headers, everything else from a download, and all of
// them say what they say of the same files on this machine.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AppError } from '../../../src-main/contract/errors.ts';
import { inspection, type Inspection } from '../../../src-main/contract/model.ts';
import { planList, type PlanList } from '../../../src-main/contract/plan.ts';
import { recipe as recipeSchema } from '../../../src-main/contract/recipe.ts';
import { downloadResult, invarianceResult } from '../../../src-main/contract/results.ts';
import { usualSettings } from '../../../src-main/contract/settings.ts';
import { inspectAnywhere } from '../../../src-main/engine/library/model-anywhere.ts';
import { inspect } from '../../../src-main/engine/library/inspect.ts';
import { errorOf, resultOf, slicedBy, startEngine, temporaryFolder } from '../../support/engine.ts';
import { goldenModels, tinyModel } from '../../support/golden-models.ts';
import { startHubServer, type HubServer, type HubServerOptions } from '../../support/hub-server.ts';
import { root, sampleFolder, sampleModel } from '../../support/paths.ts';

const filesOf = (source: string, names: readonly string[]): Record<string, Buffer> =>
  Object.fromEntries(names.map((name) => [name, readFileSync(path.join(source, name))]));
const ggufName = 'quants/sample-7m.F16.gguf';
const files: Record<string, Buffer> = {
  ...filesOf(sampleFolder, ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors']),
  [ggufName]: readFileSync(sampleModel),
  'pytorch_model.bin': Buffer.alloc(20_000),
};
const kB = 1000;

/** Runs `snug ARGS --json`, a real process. */
function snug(
  args: string[],
  home: string,
  environment: NodeJS.ProcessEnv,
): Promise<{ code: number | null; value: unknown; stderr: string }> {
  const child = spawn(process.execPath, [path.join(root, 'src-main/cli/main.ts'), ...args, '--json'], {
    env: { ...process.env, HF_TOKEN: 'hf_secret', SNUG_HOME: home, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, value: JSON.parse(stdout), stderr }));
  });
}

async function succeeded<T>(schema: { parse: (value: unknown) => T }, run: ReturnType<typeof snug>): Promise<T> {
  const { code, value, stderr } = await run;
  expect(code, `${JSON.stringify(value)}\n${stderr}`).toBe(0);
  return schema.parse(value);
}

/** Bytes of weights that the server sent. */
const weightsSent = (server: HubServer): number =>
  server.requests
    .filter(({ file }) => file !== null && /\.(safetensors|gguf)$/.test(file))
    .reduce((sum, { bytes }) => sum + bytes, 0);

/** A hub whose address and token this process has in its environment. */
async function serve(options: Partial<HubServerOptions> = {}): Promise<HubServer> {
  const server = await startHubServer({ files, token: 'hf_secret', ...options });
  vi.stubEnv('HF_ENDPOINT', server.endpoint);
  vi.stubEnv('HF_TOKEN', 'hf_secret');
  onTestFinished(() => void vi.unstubAllEnvs());
  return server;
}

const { signal } = new AbortController();
const inspectHub = (model: string, offline = false): Promise<Inspection> =>
  inspectAnywhere({ model, offline }, { home: temporaryFolder(), preferences: usualSettings, signal });

describe('inspect', () => {
  it('says of a folder what it says of the same on this machine, from its headers', async () => {
    const server = await serve();
    const run = snug(['inspect', 'hub:owner/name'], temporaryFolder(), { HF_ENDPOINT: server.endpoint });
    const { path: place, hub, ...remote } = await succeeded(inspection, run);
    const { path: _path, ...known } = await inspect(sampleFolder);
    expect(remote).toEqual({ ...known, repository: 'owner/name' });
    expect(place).toBe('hub:owner/name');
    expect(hub).toMatchObject([{ address: place, commit: server.commit, path: null }]);
    expect(weightsSent(server)).toBeLessThan(70 * kB);
  });

  it.each([`hub:owner/name:${ggufName}`, 'hub:owner/name:f16'])('and of a file: %s', async (address) => {
    const server = await serve();
    const { path: place, hub, ...remote } = await inspectHub(address);
    const { path: _path, ...known } = await inspect(sampleModel);
    expect(remote).toEqual({ ...known, repository: 'owner/name' });
    expect(place).toBe(address);
    expect(hub![0]!.fetchedBytes).toBeLessThan(1100 * kB);
    expect(weightsSent(server)).toBeLessThan(1100 * kB);
  });

  it('warns of what is left out, as does the preflight of a job', async () => {
    await serve({ files: { ...files, 'README.md': Buffer.alloc(4_000_001) } });
    const warning = expect.stringMatching(/^README\.md of hub:owner\/name has 4\.00 MB/) as string;
    expect((await inspectHub('hub:owner/name')).warnings).toEqual([warning]);
    const engine = await startEngine();
    const recipe = recipeSchema.parse({ verb: 'evaluate', model: 'hub:owner/name' });
    const told = await engine.call['jobs.preflight']({ recipe }, { signal, progress: () => {} });
    expect(told).toMatchObject({ seconds: { likely: expect.any(Number) as number }, warnings: [warning] });
  });
});

describe('plan', () => {
  const target = { kind: 'file', bytes: 4e6 };
  /** On a home that has a machine measured once: two lists of it count the same. */
  const planned = async (model: string, home: string): Promise<PlanList> => {
    const engine = await startEngine({ home });
    return resultOf(await engine.run({ verb: 'plan', model, threads: 1, target }), 'plan');
  };

  it('plans a folder as it plans the same on this machine, slices among them, without its weights', async () => {
    const [server, home] = [await serve(), temporaryFolder()];
    const local = await planned(sampleFolder, home);
    const line = ['plan', 'hub:owner/name', '--file-size', '4MB', '--threads', '1'];
    const { hub, ...remote } = await succeeded(planList, snug(line, home, { HF_ENDPOINT: server.endpoint }));
    expect(remote).toEqual(local);
    expect(remote.plans.some(({ steps }) => steps.some(({ method }) => method === 'slice'))).toBe(true);
    expect(weightsSent(server)).toBeLessThan(140 * kB);
    expect(hub![0]!.fetchedBytes).toBeLessThan(440 * kB);
  }, 180_000);

  it('and a file', async () => {
    const [server, home] = [await serve(), temporaryFolder()];
    const local = await planned(sampleModel, home);
    const { hub, ...remote } = await planned(`hub:owner/name:${ggufName}`, home);
    expect(remote).toEqual(local);
    expect(hub).toMatchObject([{ commit: server.commit, path: null }]);
    expect(weightsSent(server)).toBeLessThan(1100 * kB);
  }, 180_000);
});

describe('jobs', () => {
  const evaluation = { windows: 1, window: 128 };

  it('download, then evaluate what is here without the network', async () => {
    const server = await serve();
    const engine = await startEngine();
    const environment = { HF_ENDPOINT: server.endpoint };
    const fetched = await succeeded(downloadResult, snug(['download', 'hub:owner/name'], engine.home, environment));
    const names = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
    expect(fetched.files.map(({ name }) => name).sort()).toEqual(names);
    expect(readFileSync(path.join(fetched.path, 'model.safetensors')).equals(files['model.safetensors']!)).toBe(true);
    const asked = server.requests.length;

    const evaluate = async (model: string) =>
      resultOf(await engine.run({ verb: 'evaluate', model, threads: 1, evaluation, offline: true }), 'evaluate');
    const here = await evaluate('hub:owner/name');
    expect(here.compressed).toEqual((await evaluate(sampleFolder)).compressed);
    const { commit, path: place } = fetched;
    expect(here.hub).toMatchObject([{ address: 'hub:owner/name', commit, path: place, fetchedBytes: 0 }]);
    expect(server.requests.length).toBe(asked);
  });

  it('take the file that was named, and the tokenizer of another model by its headers', async () => {
    await serve();
    const engine = await startEngine();
    const models = { model: `hub:owner/name:${ggufName}`, tokenizer: 'hub:owner/name' };
    const recipe = { verb: 'generate', ...models, prompt: 'The', tokens: 2, threads: 1 };
    const result = resultOf(await engine.run(recipe), 'generate');
    expect(result.tokens.generated).toBeGreaterThan(0);
    expect(result.hub!.map(({ address, path: place }) => [address, place === null])).toEqual([
      [models.model, false],
      [models.tokenizer, true],
    ]);
  });

  it.skipIf(goldenModels === null)('that cannot be sliced are refused before their weights come', async () => {
    const opt = filesOf(tinyModel('opt'), ['config.json', 'model.safetensors']);
    const config = { ...JSON.parse(opt['config.json']!.toString()), do_layer_norm_before: false } as object;
    const server = await serve({ files: { ...opt, 'config.json': Buffer.from(JSON.stringify(config)) } });
    const engine = await startEngine();
    const recipe = { verb: 'slice', method: 'per-block', model: 'hub:owner/name', sparsity: 0.25 };
    const error = errorOf(await engine.run({ ...recipe, output: path.join(temporaryFolder(), 'x') }));
    expect(error.code).toBe('UNSUPPORTED_ARCHITECTURE');
    expect(weightsSent(server)).toBeLessThan(300 * kB);
    expect(opt['model.safetensors']!.length).toBeGreaterThan(700 * kB);
  });

  it('are held against this machine before their weights come', async () => {
    const server = await serve();
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const target = { kind: 'file', bytes: 5e6 };
    const recipe = { verb: 'fit', model: 'hub:owner/name:F16', target, output, threads: 1, maxMemoryBytes: 10e6 };
    expect(errorOf(await engine.run(recipe))).toMatchObject({
      code: 'OUT_OF_MEMORY',
      message: expect.stringContaining('--max-memory allows') as string,
    });
    expect(weightsSent(server)).toBeLessThan(600 * kB);
    expect(files[ggufName]!.length).toBeGreaterThan(10_000 * kB);
  });

  it('are told with their download before they are started, as on this machine afterwards', async () => {
    const server = await serve();
    const engine = await startEngine({ system: { diskOf: async () => ({ device: 1, freeBytes: 1e12 }) } });
    const recipe = recipeSchema.parse({ verb: 'evaluate', model: 'hub:owner/name:F16', threads: 1 });
    const told = async () => engine.call['jobs.preflight']({ recipe }, { signal, progress: () => {} });
    const before = await told();
    const sent = weightsSent(server);
    expect(sent).toBeLessThan(600 * kB);
    const changed = { ...recipe, threads: 2 };
    await engine.call['jobs.preflight']({ recipe: changed }, { signal, progress: () => {} });
    expect(weightsSent(server)).toBe(sent);
    await engine.run({ verb: 'download', model: recipe.model });
    const { disks, stages } = await told();
    expect(before.stages).toEqual(stages);
    expect(before.disks[0]!.neededBytes - disks[0]!.neededBytes).toBe(files[ggufName]!.length);
  });

  it('slice a model of a hub', async () => {
    await serve();
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'sliced.gguf');
    const calibration = { samples: 2, length: 128 };
    const recipe = {
      verb: 'slice',
      model: 'hub:owner/name:F16',
      width: 224,
      output,
      threads: 1,
      calibration,
      evaluation,
    };
    const result = slicedBy(await engine.run(recipe), 'shared');
    expect(result.hub).toMatchObject([{ address: 'hub:owner/name:F16' }]);
    expect((await inspect(output)).config.hiddenSize).toBe(224);
  }, 180_000);

  it.skipIf(goldenModels === null)('check that a rotation changes nothing, of OPT as published', async () => {
    const opt = tinyModel('opt');
    const repository = 'facebook/opt-125m';
    const server = await serve({ files: filesOf(opt, ['config.json', 'model.safetensors']), repository });
    const line = ['invariance', `hub:${repository}`, '--text', path.join(opt, 'input.tokens.json'), '--threads', '1'];
    const run = snug(line, temporaryFolder(), { HF_ENDPOINT: server.endpoint });
    const result = await succeeded(invarianceResult, run);
    expect(result.passed).toBe(true);
    expect(result.hub).toMatchObject([{ address: 'hub:facebook/opt-125m', commit: server.commit }]);
  });

  it('keep address and commit in the history, and the token nowhere', async () => {
    const server = await serve();
    const engine = await startEngine();
    const snapshot = await engine.run({ verb: 'download', model: 'hub:owner/name:F16' });
    expect(resultOf(snapshot, 'download')).toMatchObject({ address: 'hub:owner/name:F16', commit: server.commit });
    const history = readdirSync(engine.home)
      .filter((name) => name.startsWith('catalog.sqlite'))
      .map((name) => readFileSync(path.join(engine.home, name), 'latin1'))
      .join();
    expect(history).toContain('hub:owner/name:F16');
    expect(history).toContain(server.commit);
    expect(history + JSON.stringify(engine.events)).not.toContain('hf_secret');
  });

  it('are cancelled within two seconds in the middle of a download', async () => {
    await serve({ fault: ({ host }) => (host === 'store' ? { bytesPerSecond: 500 * kB } : null) });
    const engine = await startEngine();
    const id = await engine.runUntil({ verb: 'evaluate', model: 'hub:owner/name' }, 'download');
    await vi.waitFor(() => expect(JSON.stringify(engine.events)).toContain('secondsLeft'), { timeout: 10_000 });
    const start = performance.now();
    const { job } = await engine.call['jobs.cancel']({ id }, { signal, progress: () => {} });
    expect(job.state).toBe('cancelled');
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe('errors', () => {
  it.each([
    ['hub:owner', 'USAGE'],
    ['hub:owner/other', 'HUB_NOT_FOUND'],
    ['hub:owner/name@v2', 'HUB_NOT_FOUND'],
    ['hub:owner/name:Q4_K_M', 'HUB_NOT_FOUND'],
  ])('%s: %s', async (address, code) => {
    await serve();
    await expect(inspectHub(address)).rejects.toMatchObject({ code });
  });

  it('without the network nothing is asked', async () => {
    const server = await serve();
    await expect(inspectHub('hub:owner/name', true)).rejects.toMatchObject({ code: 'HUB_OFFLINE' });
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['HF_TOKEN', 'hf_secret but none'],
    ['HF_ENDPOINT', 'https://me:hf_secret@hub.example'],
  ])('%s that cannot be used is not repeated', async (name, value) => {
    await serve();
    vi.stubEnv(name, value);
    const error = AppError.from(await inspectHub('hub:owner/name').catch((thrown: unknown) => thrown));
    expect(error.code).toBe('USAGE');
    expect(JSON.stringify(error.toShape())).not.toContain('hf_secret');
  });
});
