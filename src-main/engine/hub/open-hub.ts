// The hub as a call or a job asks it: by the environment, then by what the user set.
import path from 'node:path';
import type { Settings } from '../../contract/settings.ts';
import type { KeptBlocks } from './kept-blocks.ts';
import { hubSettings } from './settings.ts';
import type { Hub } from './snapshot.ts';

interface HubUse {
  /** The user data. */
  home: string;
  preferences: Settings;
  /** No network for this use, whatever is set. */
  offline: boolean;
  signal: AbortSignal;
  warn: (warning: string) => void;
  blocks?: KeptBlocks;
}

/** Where models from a hub are kept. */
export const modelsFolder = (home: string, { modelsFolder: set }: Settings): string =>
  set ?? path.join(home, 'models', 'hub');

/** @throws USAGE where a variable of the environment is malformed */
export function openHub({ home, preferences, offline, signal, warn, blocks }: HubUse): Hub {
  const settings = hubSettings(process.env, preferences);
  return {
    settings: { ...settings, offline: settings.offline || offline },
    folder: modelsFolder(home, preferences),
    signal,
    warn,
    ...(blocks && { blocks }),
  };
}
