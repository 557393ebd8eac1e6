// Makes this checkout ready and runs a script on the project's own Node 24:
//
//   node scripts/bootstrap.mjs SCRIPT ARGUMENTS...
//
// `npm run X` on a fresh checkout starts this file with whatever Node is installed (20 or newer), before node_modules exists. So it
// is plain JavaScript without packages. Everything it says goes to stderr: stdout belongs to the script.
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import Module from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(fileURLToPath(import.meta.url), '../..');

const isWindows = process.platform === 'win32';
const binFolder = path.join(root, 'node_modules/.bin');
const node24 = path.join(root, 'node_modules/node/bin', isWindows ? 'node.exe' : 'node');
const lockFile = path.join(root, 'package-lock.json');
const installedLockFile = path.join(root, 'node_modules/.package-lock.json');
const nativeFolder = path.join(root, 'native');
const addons = ['snug_math.node', 'snug_llama.node'].map((name) => path.join(nativeFolder, 'build/Release', name));

/** A set-up step that cannot go on; the message says what to do. */
export class SetupError extends Error {}

/** Installs packages and builds the native addons where they are missing or outdated. @throws SetupError */
export function prepare() {
  if (isReady()) return;
  exclusively(() => {
    if (!areDependenciesInstalled()) install();
    if (!existsSync(node24)) restoreNode24();
    if (!areAddonsBuilt()) {
      buildAddons();
      fetchOpenBlas();
    }
  });
}

/** Runs `script` as the main module of a Node 24 with this project's programs on its PATH, in `folder`. */
export function startOnNode24(script, args, folder) {
  process.env.PATH = [binFolder, ...pathWithoutBin()].join(path.delimiter);
  // Code without its types is kept: `snug --version` takes half the time, and so does every child's start.
  process.env.NODE_COMPILE_CACHE ??= path.join(root, 'node_modules/.cache/node');
  // onnxruntime's own, on by default since 1.29: tests and benches load it in their processes too.
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
  if (realpathSync(process.execPath) === realpathSync(node24)) {
    // Already there (npm puts node_modules/.bin first): no second process, so signals and exit codes need no relay.
    Module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
    process.chdir(folder);
    process.argv.splice(1, Infinity, script, ...args);
    Module.runMain(script);
    return;
  }
  const child = spawn(node24, [script, ...args], { cwd: folder, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
}

function isReady() {
  return areDependenciesInstalled() && existsSync(node24) && areAddonsBuilt();
}

function modifiedAt(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;
}

function areDependenciesInstalled() {
  const installedAt = modifiedAt(installedLockFile);
  if (installedAt === -Infinity) return false;
  return installedAt >= modifiedAt(lockFile) || isLockSatisfied();
}

/** A checkout or a copy may renew the date of the lock file and change nothing: what it lists decides then. */
function isLockSatisfied() {
  const readPackages = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
  const installed = readPackages(installedLockFile);
  return Object.entries(readPackages(lockFile)).every(([where, wanted]) => {
    if (where === '') return true;
    const found = installed[where];
    return found ? found.version === wanted.version : Boolean(wanted.optional || wanted.devOptional);
  });
}

function areAddonsBuilt() {
  return Math.min(...addons.map(modifiedAt)) >= newestNativeSource(nativeFolder);
}

function newestNativeSource(folder) {
  const dates = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== 'build' && !entry.name.endsWith('.md'))
    .map((entry) => {
      const full = path.join(folder, entry.name);
      return entry.isDirectory() ? newestNativeSource(full) : modifiedAt(full);
    });
  return Math.max(-Infinity, ...dates);
}

/** Two commands started at once on a fresh checkout must not install into the same folder: the second one waits. */
function exclusively(work) {
  const lock = path.join(root, '.bootstrap.lock');
  while (!takeLock(lock)) {
    if (!isHolderAlive(lock)) rmSync(lock, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function takeLock(lock) {
  try {
    const descriptor = openSync(lock, 'wx');
    writeSync(descriptor, String(process.pid));
    closeSync(descriptor);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw new SetupError(`Cannot write to ${root}: ${error.message}`);
  }
}

function isHolderAlive(lock) {
  try {
    const holder = readFileSync(lock, 'utf8');
    // An empty file belongs to a process that is between opening and writing it.
    if (holder !== '') process.kill(Number(holder), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function say(text) {
  process.stderr.write(`snug: ${text}\n`);
}

/** Runs a program with its output on stderr and without input, so that nothing can ask a question; true when it succeeded. */
function succeeds(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options }).status === 0;
}

function pathWithoutBin() {
  return (process.env.PATH ?? '').split(path.delimiter).filter((folder) => path.resolve(folder) !== binFolder);
}

function runNpm(...args) {
  // npm must run on the installed Node: it replaces the one in node_modules. On Windows npm is a batch file, which needs a shell.
  const env = { ...process.env, PATH: pathWithoutBin().join(path.delimiter) };
  return succeeds('npm', [...args, '--loglevel=error'], { env, shell: isWindows });
}

function install() {
  say('installing packages (1.5 GB, about a minute) ...');
  if (!runNpm('ci')) throw new SetupError(`Installing the packages failed. Run "npm ci" in ${root} to see why.`);
}

function restoreNode24() {
  say("restoring the project's Node 24 ...");
  const done = runNpm('rebuild', 'node') && existsSync(node24);
  if (done) return;
  throw new SetupError(
    `Node 24 is not in node_modules: its install script did not run. Set ignore-scripts=false for npm, then run "npm rebuild node" in ${root}.`,
  );
}

function buildAddons() {
  const missing = missingBuildTools();
  if (missing.length > 0) {
    throw new SetupError(`Building the native addons needs ${missing.join(', ')}. ${buildToolsAdvice()}`);
  }
  say('building the native addons ...');
  const env = { ...process.env, PATH: [binFolder, ...pathWithoutBin()].join(path.delimiter) };
  if (!isWindows) env.npm_config_nodedir = nodeHeaders();
  const nodeGyp = path.join(root, 'node_modules/node-gyp/bin/node-gyp.js');
  if (!succeeds(node24, [nodeGyp, 'rebuild', '-C', nativeFolder, '--jobs=max', '--loglevel=error'], { env })) {
    throw new SetupError("Building the native addons failed; the compiler's message is above. It must know C++20.");
  }
}

/**
 * A fast LAPACK for the math addon, where Python's pip can fetch one. The build emptied its folder, so this is the moment;
 * whatever comes of it, set-up goes on, and a later run does not ask again.
 */
function fetchOpenBlas() {
  succeeds(node24, [path.join(root, 'scripts/openblas.mjs')]);
}

/** The folder of Node's headers. npm deletes it whenever packages are added later, so it may have to be brought back. */
function nodeHeaders() {
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  const folder = path.join(root, 'node_modules/node/node_modules', `${prefix}-${process.platform}-${process.arch}`);
  if (!existsSync(path.join(folder, 'include/node/node_api.h'))) restoreNode24();
  return folder;
}

function missingBuildTools() {
  const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
  const pythons = [process.env.PYTHON, 'python3', 'python', ...(isWindows ? ['py'] : [])].filter(Boolean);
  const missing = pythons.some((python) => works(python, '--version')) ? [] : ['Python 3'];
  // Windows: node-gyp finds Visual Studio by itself.
  if (isWindows) return missing;
  // macOS: without the tools every compiler name is a stub that opens a dialog, so none of them may be started.
  if (process.platform === 'darwin')
    return works('xcode-select', '-p') ? missing : [...missing, 'the Xcode command line tools'];
  if (!works(process.env.CXX ?? 'g++', '--version')) missing.push('a C++ compiler (g++)');
  if (!works(process.env.MAKE ?? 'make', '--version')) missing.push('make');
  return missing;
}

function buildToolsAdvice() {
  if (isWindows) {
    return 'Install Python 3 and the "Desktop development with C++" workload of the Visual Studio Build Tools:\n  winget install Python.Python.3.12 Microsoft.VisualStudio.2022.BuildTools';
  }
  if (process.platform === 'darwin') return 'Install them with:\n  xcode-select --install';
  return 'Install them with:\n  Debian, Ubuntu: sudo apt-get install python3 make g++\n  Fedora: sudo dnf install python3 make gcc-c++';
}

function main([script, ...args]) {
  if (!script) throw new SetupError('Name a script: node scripts/bootstrap.mjs SCRIPT ARGUMENTS...');
  prepare();
  startOnNode24(path.resolve(root, script), args, root);
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
