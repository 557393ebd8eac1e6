// Where other programs keep things on this machine: the home folder, the environment, the system's own folders. One
// object, so that tests look at homes of their own.
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

export interface Places {
  platform: NodeJS.Platform;
  home: string;
  environment: NodeJS.ProcessEnv;
  /** What folders of the system begin with. */
  root: string;
}

export const thisMachine = (): Places => ({
  platform: process.platform,
  home: homedir(),
  environment: process.env,
  root: path.parse(homedir()).root,
});

export const isFolder = (name: string): Promise<boolean> =>
  stat(name).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** The value of an environment variable; null where it is empty or not set. */
export const variable = ({ environment }: Places, name: string): string | null => environment[name] || null;

/** The per-user data folder of the system, as Rust's `dirs::data_dir` has it (docs.rs/dirs). */
export function dataFolder(places: Places): string {
  const { platform, home } = places;
  if (platform === 'win32') return variable(places, 'APPDATA') ?? path.join(home, 'AppData/Roaming');
  if (platform === 'darwin') return path.join(home, 'Library/Application Support');
  return variable(places, 'XDG_DATA_HOME') ?? path.join(home, '.local/share');
}

/**
 * Folders where programs are: those of PATH, then the usual ones that a desktop application, which does not get the PATH
 * of a terminal, would miss.
 */
export function programFolders(places: Places): string[] {
  const { platform, home, root } = places;
  const onPath = (variable(places, 'PATH') ?? variable(places, 'Path') ?? '').split(platform === 'win32' ? ';' : ':');
  const usual =
    platform === 'win32'
      ? []
      : [
          path.join(root, 'usr/local/bin'),
          ...(platform === 'darwin' ? [path.join(root, 'opt/homebrew/bin')] : []),
          path.join(home, '.local/bin'),
        ];
  return [...new Set([...onPath.filter((folder) => path.isAbsolute(folder)), ...usual])];
}

/** The first of `names` that is a program in one of `folders`; null where there is none. */
export async function findProgram(
  { platform }: Places,
  names: readonly string[],
  folders: readonly string[],
): Promise<string | null> {
  for (const folder of folders) {
    for (const name of names) {
      const file = path.join(folder, platform === 'win32' ? `${name}.exe` : name);
      if (await isProgram(file)) return file;
    }
  }
  return null;
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
