// Decides how the engine is started, and says in words why a start failed. Pure: no Electron here.
// The history needs Node-API 10 (better-sqlite3's prebuilt addon), which an Electron before 40 does not have: its utility
// process runs the engine without a history, so a Node beside it is the better choice there.
import path from 'node:path';

/** Lowest Node-API with which the engine can keep its history. */
export const neededNodeApi = 10;

export type LauncherMode = { kind: 'utility'; entry: string } | { kind: 'node'; entry: string; program: string };

export interface Surroundings {
  environment: Record<string, string | undefined>;
  nodeApi: number;
  /** Folder of the built main files: dist/main. */
  mainFolder: string;
  /** A Node that the package carries, or null. */
  packagedNode: string | null;
}

/** SNUG_LAUNCHER decides; else a Node child where SNUG_NODE names its program or this Electron is too old, else utility. */
export function chooseLauncher({ environment, nodeApi, mainFolder, packagedNode }: Surroundings): LauncherMode {
  const { SNUG_LAUNCHER: wanted, SNUG_NODE: named } = environment;
  // Inside app.asar only Electron can read: a Node beside it, and llama.cpp in the engine's children, need the unpacked files.
  const entry = path.join(mainFolder.replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked'), 'engine.js');
  const usesNode = wanted === 'node' || (wanted !== 'utility' && (named !== undefined || nodeApi < neededNodeApi));
  if (!usesNode) return { kind: 'utility', entry };
  return { kind: 'node', entry, program: named ?? packagedNode ?? 'node' };
}

/** What the user can do about an engine that ended before it said anything, where the way it was started explains it. */
export function adviseOnStart(mode: LauncherMode): string | null {
  if (mode.kind === 'utility') return null;
  return `The engine was started with "${mode.program}" and needs Node 24 or later: set SNUG_NODE to such a program and start Snug again.`;
}
