// Decides how the engine is started, and says in words why a start failed. Pure: no Electron here.
// The engine keeps its catalog with better-sqlite3, whose prebuilt addon needs Node-API 10 (Node 22.14, Node 24, Electron 40):
// an older Electron cannot run it inside its own utility process and needs a Node beside it.
import path from 'node:path';

/** Lowest Node-API that better-sqlite3's prebuilt addon loads in; below, it ends the process with a segmentation fault. */
export const requiredNodeApi = 10;

export type LauncherMode = { kind: 'utility'; entry: string } | { kind: 'node'; entry: string; program: string };

export interface Surroundings {
  environment: Record<string, string | undefined>;
  nodeApi: number;
  electron: string;
  /** Folder of the built main files: dist/main. */
  mainFolder: string;
  /** A Node that the package carries, or null. */
  packagedNode: string | null;
}

/** Mode, engine file and program, from the environment (SNUG_LAUNCHER, SNUG_NODE, SNUG_ENGINE_ENTRY) and this Electron. */
export function chooseLauncher(around: Surroundings): LauncherMode {
  const { SNUG_LAUNCHER: wanted, SNUG_NODE: named, SNUG_ENGINE_ENTRY: replaced } = around.environment;
  const entry = replaced ?? path.join(around.mainFolder, 'engine.js');
  const node = named ?? around.packagedNode;
  const usesNode = wanted === 'node' || (wanted !== 'utility' && (named !== undefined || around.nodeApi < requiredNodeApi));
  if (!usesNode) return { kind: 'utility', entry };
  // A plain Node child cannot read inside app.asar; the engine's files are unpacked beside it.
  return { kind: 'node', entry: entry.replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked'), program: node ?? 'node' };
}

/** What the user can do about an engine that ended, where the way it was started explains it. */
export function adviseOnExit(mode: LauncherMode, around: Surroundings, wasReady: boolean): string | null {
  if (mode.kind === 'utility') {
    if (around.nodeApi >= requiredNodeApi) return null;
    return (
      `The engine cannot run inside this Electron (${around.electron}): it offers Node-API ${around.nodeApi}, and the catalog needs ${requiredNodeApi} or later. ` +
      'Set SNUG_NODE to a Node 24 program and start Snug again, or use Electron 40 or later.'
    );
  }
  if (wasReady) return null;
  const source = around.environment['SNUG_NODE'] === undefined ? 'Snug looked for' : 'SNUG_NODE names';
  return `The engine needs Node 24 or later; ${source} "${mode.program}". Set SNUG_NODE to a Node 24 program and start Snug again.`;
}
