// The user's settings, kept in the catalog: read anew for every job, since another Snug may have changed them.
import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../contract/errors.ts';
import { settings, usualSettings, type Settings, type SettingsChange } from '../contract/settings.ts';
import { isJsonObject } from '../core/formats/json-object.ts';
import type { KeptSettings } from './catalog/settings.ts';
import { readEndpoint } from './hub/settings.ts';

const key = 'user';

export class UserSettings {
  readonly #kept: KeptSettings;

  constructor(kept: KeptSettings) {
    this.#kept = kept;
  }

  /** What was set; what a later version wrote and this one does not know is as good as not set. */
  read(): Settings {
    try {
      return known(this.#kept.get(key));
    } catch {
      return usualSettings; // a catalog that cannot be read is told with every result
    }
  }

  /** Changes some of them. @throws USAGE, NOT_WRITABLE, FILE_NOT_FOUND: nothing is changed then */
  async change(change: SettingsChange): Promise<void> {
    const { hubEndpoint, modelsFolder, outputsFolder } = change;
    const checked: SettingsChange = {
      ...change,
      ...(typeof hubEndpoint === 'string' ? { hubEndpoint: readEndpoint(hubEndpoint, 'The address of the hub') } : {}),
    };
    for (const folder of [modelsFolder, outputsFolder]) if (typeof folder === 'string') await requireFolder(folder);
    this.#kept.update(key, (value) => ({ ...known(value), ...checked }));
  }
}

function known(value: unknown): Settings {
  // A later version may have more of them than an earlier one kept.
  const parsed = settings.safeParse({ ...usualSettings, ...(isJsonObject(value) ? value : {}) });
  return parsed.success ? parsed.data : usualSettings;
}

/** @throws USAGE where it is no absolute path, else what the system says */
async function requireFolder(folder: string): Promise<void> {
  if (!path.isAbsolute(folder))
    throw new AppError('USAGE', `${folder} is no folder that can be set: give its whole path.`, { folder });
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw new AppError(
      'NOT_WRITABLE',
      `${folder} cannot be used: ${AppError.from(error).message} Choose another folder.`,
      {
        path: folder,
      },
    );
  }
}
