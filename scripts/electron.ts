// Which Electron the scripts run, and what it needs around it: its folder in the environment, a display, a Node for the engine.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '..');

/** From this version on Electron runs the engine itself; an older one has a Node that better-sqlite3 does not load in. */
const firstWithOwnEngine = 40;

const isLinux = process.platform === 'linux';
const installed = path.join(root, 'node_modules/electron/dist');

const programs: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'Electron.app/Contents/MacOS/Electron',
  win32: 'electron.exe',
};

export interface Electron {
  folder: string;
  program: string;
  version: string;
  /** True when it cannot run the engine and needs a Node 24 beside it. */
  needsNode: boolean;
}

/** Ends the script with a sentence that says what to do. */
export function fail(message: string): never {
  console.error(`snug: ${message}`);
  process.exit(1);
}

/**
 * The first of: ELECTRON_OVERRIDE_DIST_PATH, the one in node_modules, a download of it, and on Linux x64 the one that
 * scripts/electron-dist makes where only the npm registry can be reached.
 */
export function findElectron(): Electron {
  const chosen = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  if (chosen) return describe(chosen);
  if (existsSync(path.join(installed, 'version')) || download()) return describe(installed);
  const made = spawnSync(path.join(root, 'scripts/electron-dist'), { stdio: ['ignore', 'pipe', 'inherit'], cwd: root });
  if (made.status !== 0) fail('Electron could not be downloaded. Set ELECTRON_OVERRIDE_DIST_PATH to its folder.');
  return describe(made.stdout.toString().trim());
}

function describe(folder: string): Electron {
  const program = path.join(folder, programs[process.platform] ?? 'electron');
  if (!existsSync(program)) fail(`${folder} holds no Electron: ${program} is missing.`);
  const version = readFileSync(path.join(folder, 'version'), 'utf8').trim().replace(/^v/, '');
  return { folder, program, version, needsNode: Number.parseInt(version, 10) < firstWithOwnEngine };
}

/** The package's own installer; it says nothing when it fails, because there is another way. */
function download(): boolean {
  const installer = path.join(root, 'node_modules/electron/install.js');
  return spawnSync(process.execPath, [installer], { stdio: 'ignore', cwd: root }).status === 0;
}

/** The environment in which the window, its tests and its screenshots run. */
export function electronEnvironment(electron: Electron): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, ELECTRON_OVERRIDE_DIST_PATH: electron.folder };
  if (electron.needsNode) environment['SNUG_NODE'] ??= process.execPath;
  // Chromium warns on every start without it.
  if (isLinux) environment['XDG_RUNTIME_DIR'] ??= tmpdir();
  return environment;
}

/** Chromium's sandbox does not work for root, and not where the system forbids user namespaces. */
export function sandboxSwitches(): string[] {
  if (!isLinux) return [];
  const works = process.getuid?.() !== 0 && spawnSync('unshare', ['-Ur', 'true'], { stdio: 'ignore' }).status === 0;
  return works ? [] : ['--no-sandbox'];
}

export function hasDisplay(): boolean {
  return !isLinux || ['DISPLAY', 'WAYLAND_DISPLAY'].some((name) => Boolean(process.env[name]));
}

export function failForDisplay(): never {
  fail('There is no display and no xvfb-run. On Debian and Ubuntu "scripts/electron-dist --apt" installs it.');
}

/** Runs `main` where there is a display; else has xvfb-run start this process's script again, with its arguments. */
export async function onDisplay(main: () => Promise<void>): Promise<void> {
  if (hasDisplay()) return main();
  const { status, error } = spawnSync('xvfb-run', ['-a', process.execPath, ...process.argv.slice(1)], {
    stdio: 'inherit',
  });
  if (error) failForDisplay();
  process.exitCode = status ?? 1;
}

/** Builds the window and its processes into dist/. */
export function buildWindow(): void {
  const vite = path.join(root, 'node_modules/vite/bin/vite.js');
  const { status } = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'warn'], {
    stdio: 'inherit',
    cwd: root,
  });
  if (status !== 0) fail('Building the window failed.');
}
