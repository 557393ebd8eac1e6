// Where the engine keeps and finds things. SNUG_HOME moves the whole user-data folder.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

export interface Folders {
  /** User data: catalog, job folders. */
  home: string;
  /** Read-only: sample model, texts. */
  resources: string;
  /** Sources when run from a checkout by Node's type stripping, bundles otherwise. */
  entries: { worker: string; llamaHost: string };
}

function userData(): string {
  if (process.env['SNUG_HOME']) return path.resolve(process.env['SNUG_HOME']);
  if (process.platform === 'win32')
    return path.join(process.env['APPDATA'] ?? path.join(homedir(), 'AppData/Roaming'), 'Snug');
  if (process.platform === 'darwin') return path.join(homedir(), 'Library/Application Support/Snug');
  return path.join(process.env['XDG_DATA_HOME'] ?? path.join(homedir(), '.local/share'), 'snug');
}

/** The folders for an engine whose entry file lies in `here` (src-main/engine, or dist/main when bundled). */
export function findFolders(here: string, bundled: boolean): Folders {
  const root = path.resolve(here, '../..');
  const packaged = process.env['SNUG_RESOURCES'];
  const resources = packaged && existsSync(packaged) ? packaged : path.join(root, 'resources');
  const entries = bundled
    ? { worker: path.join(here, 'worker.js'), llamaHost: path.join(here, 'llama-host.js') }
    : { worker: path.join(root, 'src-main/worker/main.ts'), llamaHost: path.join(root, 'src-main/llama-host/main.ts') };
  return { home: userData(), resources, entries };
}
