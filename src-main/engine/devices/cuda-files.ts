// The CUDA provider of onnxruntime-node: files that its package leaves out for their size, and its own installer fetches.
// Source: onnxruntime-node 1.30.0 script/install.js, script/install-metadata.js (CUDA 12; Linux x64 alone).
import { spawn } from 'node:child_process';
import { access, constants, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { CudaFiles } from '../../contract/devices.ts';
import { AppError } from '../../contract/errors.ts';
import { claimPart, partPath, releasePart, sweepParts } from '../../core/formats/part-files.ts';

export interface OnnxPackage {
  /** Where onnxruntime-node is. */
  folder: string;
  /** As `process.platform` and `process.arch`. */
  platform: string;
  arch: string;
}

/** The package that the worker loads; where it is not installed, its place. In a packaged app it is beside the archive, where libraries and installers can be files. */
export function onnxPackage(): OnnxPackage {
  const folder = packageFolder().replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked');
  return { folder, platform: process.platform, arch: process.arch };
}

/** Its main file is dist/index.js. */
function packageFolder(): string {
  try {
    return path.join(path.dirname(fileURLToPath(import.meta.resolve('onnxruntime-node'))), '..');
  } catch {
    return path.join('node_modules', 'onnxruntime-node');
  }
}

const binFolder = ({ folder, platform, arch }: OnnxPackage): string => path.join(folder, 'bin/napi-v6', platform, arch);

/** What the installer adds, by the names it gives them. */
const providerFile = /^libonnxruntime_providers_\w+\.so$/;

async function providerFiles(onnx: OnnxPackage): Promise<string[]> {
  const names = await readdir(binFolder(onnx)).catch(() => []);
  return names.filter((name) => providerFile.test(name)).toSorted();
}

/**
 * Beside the files: which onnxruntime they are of, for they tell it nowhere themselves. An update of a .deb leaves what dpkg does
 * not know of, and a provider of another version may end the process that loads it.
 */
const versionFile = (onnx: OnnxPackage): string => path.join(binFolder(onnx), 'libonnxruntime_providers_version.txt');

const versionOfFiles = (onnx: OnnxPackage): Promise<string | null> =>
  readFile(versionFile(onnx), 'utf8').then(
    (text) => text.trim(),
    () => null,
  );

async function versionOfPackage({ folder }: OnnxPackage): Promise<string> {
  const text = await readFile(path.join(folder, 'package.json'), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

/** Why onnxruntime-node cannot have CUDA on a system at all; null where it can. */
function foreignSystem({ platform, arch }: OnnxPackage): string | null {
  if (platform === 'linux' && arch === 'x64') return null;
  return `onnxruntime-node has a CUDA provider for Linux on x64 alone, not for ${platform} on ${arch}; its GPU provider here is WebGPU`;
}

/** Why CUDA need not be tried; null where it may be there. */
export async function cudaAbsence(onnx: OnnxPackage): Promise<string | null> {
  const foreign = foreignSystem(onnx);
  if (foreign !== null) return foreign;
  if (!(await providerFiles(onnx)).includes('libonnxruntime_providers_cuda.so'))
    return 'its provider files are not installed: "snug devices --install-cuda" fetches them';
  const [found, wanted] = await Promise.all([versionOfFiles(onnx), versionOfPackage(onnx)]);
  if (found === wanted) return null;
  return `its provider files are of ${found ?? 'an unknown version'}, and onnxruntime is ${wanted}: "snug devices --install-cuda" fetches them again`;
}

/**
 * Has onnxruntime-node's own installer fetch the files; until it has all, what was there before stays.
 * @throws DEVICE_UNAVAILABLE with the installer's words (a full disk that it meets, too), NOT_WRITABLE, CANCELLED; DISK_FULL
 * where there is not even room for its copy
 */
export async function installCuda(onnx: OnnxPackage, signal: AbortSignal): Promise<CudaFiles> {
  const foreign = foreignSystem(onnx);
  if (foreign !== null) throw unavailable(`CUDA cannot be installed: ${foreign}.`, foreign);
  const folder = binFolder(onnx);
  await access(folder, constants.W_OK).catch((error: unknown) => {
    const message = `CUDA's files belong into ${folder}, which cannot be written to: run this once as a user who may, or use Snug from a folder of your own.`;
    throw new AppError('NOT_WRITABLE', message, { path: folder }, error);
  });
  const place = path.join(folder, 'fetched');
  const fetched = { ...onnx, folder: partPath(place) };
  if (!claimPart(fetched.folder)) throw unavailable("CUDA's files are being fetched already.", 'being fetched');
  try {
    await sweepParts(place);
    return { folder, files: await fetchFiles(onnx, fetched, signal) };
  } catch (error) {
    throw AppError.from(error);
  } finally {
    // What cannot be removed is swept by a later process, and undoes nothing of what was installed.
    await rm(fetched.folder, { recursive: true, force: true }).catch(() => undefined);
    releasePart(fetched.folder);
  }
}

/** Runs the installer in a copy of the package without its libraries: it writes beside itself, file after file. */
async function fetchFiles(onnx: OnnxPackage, fetched: OnnxPackage, signal: AbortSignal): Promise<string[]> {
  await mkdir(binFolder(fetched), { recursive: true });
  await cp(path.join(onnx.folder, 'script'), path.join(fetched.folder, 'script'), { recursive: true });
  await runInstaller(fetched, signal);
  const files = await providerFiles(fetched);
  if (files.length === 0)
    throw unavailable("onnxruntime-node's installer ended well, but there are no CUDA files.", 'no files');
  // Without it, files of two versions are not taken for one.
  await rm(versionFile(onnx), { force: true });
  for (const name of files) await rename(path.join(binFolder(fetched), name), path.join(binFolder(onnx), name));
  await writeFile(versionFile(onnx), `${await versionOfPackage(onnx)}\n`);
  return files;
}

const unavailable = (message: string, reason: string): AppError =>
  new AppError('DEVICE_UNAVAILABLE', message, { device: 'cuda', reason });

function runInstaller({ folder }: OnnxPackage, signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, ['script/install.js'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    env: {
      ...process.env,
      // Outranks a "skip" of the user's npm and the installer's doing nothing below an `npm run`. The same as an argument does
      // not: 1.30 reads `--onnxruntime-node-install=cuda12` as no wish at all.
      ONNXRUNTIME_NODE_INSTALL: 'true',
      ...(process.versions['electron'] ? { ELECTRON_RUN_AS_NODE: '1' } : {}),
    },
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (log = (log + chunk).slice(-20_000)));
  }
  return new Promise((resolve, reject) => {
    let failure: Error | null = null;
    child.once('error', (error) => {
      failure = error;
      if (child.pid === undefined) reject(AppError.from(error)); // it never began
    });
    // Not before: until then it may write.
    child.once('close', (code) => {
      if (failure) return reject(AppError.from(failure));
      if (code === 0) return resolve();
      const lines = log.split('\n').map((line) => line.trim());
      const said = lines.findLast((line) => /error/i.test(line)) ?? lines.findLast((line) => line !== '');
      const reason = said ?? 'it said nothing';
      reject(unavailable(`onnxruntime-node's installer could not fetch CUDA's files: ${reason}`, reason));
    });
  });
}
