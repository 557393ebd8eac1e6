// A WebGPU adapter without a GPU: SwiftShader, which comes with every Electron, and a Vulkan loader beside it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './paths.ts';

const manifest = 'vk_swiftshader_icd.json';

/** Electrons that may be here, as scripts/electron-dist looks for them. */
function electrons(): string[] {
  const cache = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'electron-dist/33.2.1');
  const named = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  return [...(named ? [named] : []), path.join(root, 'node_modules/electron/dist'), cache];
}

const has = (folder: string): boolean =>
  [manifest, 'libvulkan.so.1'].every((file) => existsSync(path.join(folder, file)));

/** What a process needs to find the adapter, or why it cannot be had. `make`: fetch an Electron where none is here. */
export function softwareAdapter({ make = false } = {}): { env: Record<string, string> } | { reason: string } {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return { reason: 'SwiftShader is taken on Linux x64 alone' };
  let folder = electrons().find(has);
  if (folder === undefined && make) {
    const made = spawnSync(path.join(root, 'scripts/electron-dist'), {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: root,
    });
    folder = [made.stdout.toString().trim()].find(has);
  }
  if (folder === undefined) return { reason: 'no Electron with SwiftShader is here: scripts/electron-dist makes one' };
  const icd = path.join(folder, manifest);
  const libraries = [folder, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':');
  const runtime = process.env['XDG_RUNTIME_DIR'] ?? tmpdir();
  return {
    env: { VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd, LD_LIBRARY_PATH: libraries, XDG_RUNTIME_DIR: runtime },
  };
}
