// Loads the GPU back ends that this machine can use, and says why the others are missing. A back end is only tried where
// a driver is present: so a machine without one starts fast and loads no driver code.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { LlamaAddon } from './addon-types.ts';
import { backendLibrary, libraryFolders, packageNames } from './find-libraries.ts';

export interface MissingBackend {
  backend: string;
  reason: string;
}

const linuxLibraryFolders = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/lib/wsl/lib',
];

function folderHas(folder: string, pattern: RegExp): boolean {
  return existsSync(folder) && readdirSync(folder).some((name) => pattern.test(name));
}

function hasNvidiaDriver(): boolean {
  if (process.platform === 'win32')
    return existsSync(path.join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'nvcuda.dll'));
  return (
    folderHas('/dev', /^nvidia(\d+|ctl)$/) ||
    linuxLibraryFolders.some((folder) => existsSync(path.join(folder, 'libcuda.so.1')))
  );
}

function hasVulkanDriver(): boolean {
  if (process.platform === 'win32')
    return existsSync(path.join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'vulkan-1.dll'));
  if (process.env['VK_DRIVER_FILES'] || process.env['VK_ICD_FILENAMES']) return true;
  const manifests = ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d'];
  return folderHas('/dev/dri', /^renderD/) || manifests.some((folder) => folderHas(folder, /\.json$/));
}

/** The cause that a log tells: a library that is not there, or the newest line about an error. */
function causeIn(log: string): string {
  const library = /([\w.+-]+): cannot open shared object file/.exec(log)?.[1];
  if (library) return `${library} not found`;
  const lines = log.split('\n').filter((line) => /fail|error|cannot|not found|no .*device/i.test(line));
  return lines.at(-1)?.trim() ?? 'it loaded, but found no device';
}

function gpuCount(addon: LlamaAddon): number {
  return addon.devices().filter((device) => device.kind === 'gpu' || device.kind === 'igpu').length;
}

/** Tries each library of one back end until a device appears; null then, otherwise the reason. */
function tryBackend(addon: LlamaAddon, backend: string, packages: readonly string[]): string | null {
  const libraries = packages
    .flatMap(libraryFolders)
    .map((folder) => backendLibrary(folder, backend))
    .filter((file) => file !== null);
  if (libraries.length === 0) return `the package ${packages[0]} is not installed`;
  const reasons: string[] = [];
  for (const library of libraries) {
    const before = gpuCount(addon);
    const { log } = addon.loadBackend(library);
    if (gpuCount(addon) > before) return null;
    reasons.push(causeIn(log));
  }
  return reasons.join('; ');
}

/** Loads CUDA, or else Vulkan (one GPU through two back ends would be counted twice). */
export function loadGpuBackends(addon: LlamaAddon): MissingBackend[] {
  const missing: MissingBackend[] = [];
  const { cuda, vulkan } = packageNames(process.platform, process.arch);
  const tries = [
    { backend: 'cuda', packages: cuda, hasDriver: hasNvidiaDriver, noDriver: 'no NVIDIA driver on this machine' },
    { backend: 'vulkan', packages: vulkan, hasDriver: hasVulkanDriver, noDriver: 'no Vulkan driver on this machine' },
  ];
  for (const { backend, packages, hasDriver, noDriver } of tries) {
    if (packages.length === 0) continue;
    const inUse = addon.devices().find((device) => device.kind === 'gpu');
    const reason = inUse
      ? `not needed beside ${inUse.name}`
      : !hasDriver()
        ? noDriver
        : tryBackend(addon, backend, packages);
    if (reason !== null) missing.push({ backend, reason });
  }
  return missing;
}
