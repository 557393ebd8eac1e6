// The import borders hold only as long as their rules fire: each case is a file that must not pass, or one that must.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { afterEach, describe, expect, it } from 'vitest';
import borders from '../../.dependency-cruiser.mjs';
import { root } from '../support/paths.ts';

const trees: string[] = [];

afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true });
});

/** Names of the rules that a tree of files (path: text) breaks. It lies inside the project, so that packages resolve. */
async function violations(files: Record<string, string>): Promise<string[]> {
  mkdirSync(path.join(root, 'test/output'), { recursive: true });
  const tree = mkdtempSync(path.join(root, 'test/output/borders-'));
  trees.push(tree);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
    writeFileSync(path.join(tree, name), text);
  }
  const folders = [...new Set(Object.keys(files).map((name) => name.split('/')[0]!))];
  const { forbidden = [], options = {} } = borders;
  const cruiseOptions = { ...options, baseDir: tree, ruleSet: { forbidden }, validate: true };
  const { output } = await cruise(folders, cruiseOptions, options.enhancedResolveOptions);
  return (output as ICruiseResult).summary.violations.map(({ rule }) => rule.name);
}

/** A file in `folder` that imports `target`, which exists. */
function importing(folder: string, target: string): Record<string, string> {
  const offender = `${folder}/offender.ts`;
  if (!target.startsWith('src-') && !target.startsWith('native/')) return { [offender]: `import '${target}';` };
  return { [offender]: `import '${path.posix.relative(folder, target)}';`, [target]: 'export {};' };
}

const contract = 'src-main/contract/errors.ts';
const rpc = 'src-main/rpc/client.ts';
const core = 'src-main/core/method.ts';

describe('borders between rooms', () => {
  it.each([
    ['contract', 'src-main/contract', rpc],
    ['contract', 'src-main/contract', 'node:fs'],
    ['rpc', 'src-main/rpc', core],
    ['core', 'src-main/core/planning', rpc],
    ['core', 'src-main/core/planning', 'node:child_process'],
    ['core', 'src-main/core/planning', 'node:sqlite'],
    ['core', 'src-main/core/planning', 'onnxruntime-node'],
    ['core', 'src-main/core/planning', 'better-sqlite3'],
    ['core', 'src-main/core/planning', 'a-package-that-is-not-there'],
    ['worker', 'src-main/worker', 'better-sqlite3'],
    ['worker', 'src-main/worker', 'src-main/engine/queue.ts'],
    ['llama-host', 'src-main/llama-host', core],
    ['llama-host', 'src-main/llama-host', 'onnxruntime-node'],
    ['engine', 'src-main/engine', 'node-llama-cpp'],
    ['engine', 'src-main/engine', 'electron'],
    ['engine', 'src-main/engine', 'native/math/index.js'],
    ['shell', 'src-main/shell', core],
    ['preload', 'src-main/preload', 'src-main/shell/main.ts'],
    ['preload', 'src-main/preload', 'node:fs'],
    ['cli', 'src-main/cli', core],
    ['cli', 'src-main/cli', 'src-main/engine/queue.ts'],
    ['renderer', 'src-renderer', 'electron'],
    ['renderer', 'src-renderer', 'node:fs'],
    ['renderer', 'src-renderer', core],
  ])('%s (%s) may not import %s', async (room, folder, target) => {
    expect(await violations(importing(folder, target))).toEqual([`${room}-border`]);
  });

  it.each([
    ['src-main/contract', 'zod'],
    ['src-main/rpc', contract],
    ['src-main/core/planning', contract],
    ['src-main/core/planning', 'node:fs/promises'],
    ['src-main/core/tokens', '@huggingface/tokenizers'],
    ['src-main/worker', core],
    ['src-main/worker', 'onnxruntime-node'],
    ['src-main/llama-host', 'native/llama/index.js'],
    ['src-main/engine', core],
    ['src-main/engine/catalog', 'better-sqlite3'],
    ['src-main/shell', 'electron'],
    ['src-main/cli', rpc],
    ['src-renderer', 'vue'],
    ['src-renderer', rpc],
  ])('%s may import %s', async (folder, target) => {
    expect(await violations(importing(folder, target))).toEqual([]);
  });

  it('counts an import of a type as an import', async () => {
    const files = {
      ...importing('src-main/cli', core),
      'src-main/cli/offender.ts': `import type { M } from '../core/method.ts';`,
    };
    expect(await violations(files)).toEqual(['cli-border']);
  });
});

describe('other rules', () => {
  it.each(['node:https', 'node:net', 'dns/promises'])(
    'leaves the network to fetch in engine/hub: %s',
    async (module) => {
      expect(await violations(importing('src-main/engine/library', module))).toEqual(['no-way-to-the-network']);
    },
  );

  it('keeps the database inside engine/catalog', async () => {
    expect(await violations(importing('src-main/engine/jobs', 'better-sqlite3'))).toEqual([
      'only-the-catalog-knows-sql',
    ]);
  });

  it('lets rpc use types of Node and nothing that runs', async () => {
    expect(await violations(importing('src-main/rpc', 'node:child_process'))).toEqual(['rpc-stays-portable']);
    const typeOnly = `import type { ChildProcess } from 'node:child_process'; export type C = ChildProcess;`;
    expect(await violations({ 'src-main/rpc/node-child.ts': typeOnly })).toEqual([]);
  });

  it('refuses a folder that is no room', async () => {
    expect(await violations(importing('src-main/utils', contract))).toEqual(['every-file-has-a-room']);
  });

  it('refuses cycles', async () => {
    const files = { 'src-main/core/a.ts': `import './b.ts';`, 'src-main/core/b.ts': `import './a.ts';` };
    expect(await violations(files)).toContain('no-cycles');
  });
});
