// Without an address on a hub nothing of Snug uses the network: every process of a run has its ways there trapped.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../support/engine.ts';
import { root, sampleFolder, sampleModel } from '../../support/paths.ts';

interface Trapped {
  code: number | null;
  /** One line for each process that began, and for each step to the network. */
  lines: string[];
}

function trapped(args: string[], environment: NodeJS.ProcessEnv = {}): Promise<Trapped> {
  const folder = temporaryFolder();
  const log = path.join(folder, 'log');
  const trap = import.meta.resolve('../../support/network-trap.ts');
  const child = spawn(process.execPath, [path.join(root, 'src-main/cli/main.ts'), ...args, '--json'], {
    env: { ...process.env, SNUG_HOME: folder, NODE_OPTIONS: `--import=${trap}`, SNUG_NETWORK_LOG: log, ...environment },
    stdio: 'ignore',
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, lines: existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [] });
    });
  });
}

const stepsIn = ({ lines }: Trapped): string[] => lines.filter((line) => !line.startsWith('began'));
const processesIn = ({ lines }: Trapped): number => lines.filter((line) => line.startsWith('began')).length;

/** Where one of them is set, onnxruntime sends nothing (strings of its library). */
const serverVariables = [
  ...['CI', 'GITHUB_ACTIONS', 'GITLAB_CI', 'TF_BUILD', 'TRAVIS', 'JENKINS_URL'],
  ...['CODEBUILD_BUILD_ID', 'BUILDKITE'],
];

/** A home of its own, and nothing that keeps onnxruntime silent. */
const talkative = (home: string): NodeJS.ProcessEnv => ({
  HOME: home,
  XDG_CACHE_HOME: undefined,
  ORT_DISABLE_TELEMETRY: undefined,
  ...Object.fromEntries(serverVariables.map((name) => [name, undefined])),
});
/** Of util-linux: what is run by it has no network (unshare(1)). */
const cutOff = ['--map-root-user', '--net'];
const canCutOff = spawnSync('unshare', [...cutOff, 'true']).status === 0;

const tracesIn = (home: string): string[] =>
  readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((name) => /Microsoft|onnxruntime/.test(name));

describe('the network', () => {
  it('is not used to inspect', async () => {
    const run = await trapped(['inspect', sampleFolder]);
    expect(run.code).toBe(0);
    expect(processesIn(run)).toBe(2); // command line and engine
    expect(stepsIn(run)).toEqual([]);
  });

  it('is not used to plan, by no process', async () => {
    const run = await trapped(['plan', sampleModel, '--file-size', '4MB', '--threads', '1']);
    expect(run.code).toBe(0);
    expect(processesIn(run)).toBeGreaterThan(3); // also worker and llama hosts
    expect(stepsIn(run)).toEqual([]);
  }, 120_000);

  // It sends from machine code, where the trap is not, but keeps in the user's cache what it is going to send. Where these
  // variables say that a server tests, it is silent anyway.
  it("is not used by onnxruntime's telemetry", async () => {
    const home = temporaryFolder();
    // Runs graphs: a library that only lists its providers says nothing anyway.
    const run = await trapped(['invariance', sampleModel, '--windows', '1', '--device', 'cpu'], talkative(home));
    expect(run.code).toBe(0);
    expect(tracesIn(home)).toEqual([]);
  });

  // In a space of its own, which has no network: nobody who runs this test sends anything.
  it.skipIf(!canCutOff)('would be seen by that trace, where nobody switches it off', async () => {
    const home = temporaryFolder();
    // Fails for its model, behind the start of the library, which is what leaves the trace.
    const program =
      "require('onnxruntime-node').InferenceSession.create(new Uint8Array(1)).catch(() => {}); setInterval(() => {}, 1000)";
    const env = { ...process.env, ...talkative(home) };
    const child = spawn('unshare', [...cutOff, process.execPath, '-e', program], { cwd: root, env, stdio: 'ignore' });
    try {
      await vi.waitFor(() => expect(tracesIn(home)).not.toEqual([]), { timeout: 30_000, interval: 20 });
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('would be seen: an address on a hub takes a step there', async () => {
    const run = await trapped(['inspect', 'hub:owner/name']);
    expect(run.code).toBe(1);
    expect(stepsIn(run).join()).toContain('huggingface.co');
  });
});
