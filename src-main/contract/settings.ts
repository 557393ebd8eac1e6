// What a user sets once. Folders, the hub and the statistics hold for the window and the command line alike; a device and a
// limit of memory belong to recipes, so that they are only what the window proposes for a run (docs/settings.md).
import { z } from 'zod';
import { deviceName } from './recipe.ts';
import { bytes } from './units.ts';

const GiB = 2 ** 30;
const folder = z.string().min(1).max(4096).nullable();

export const settings = z.object({
  /** Where models from a hub are kept; null: in the user data. */
  modelsFolder: folder,
  /** Where outputs are suggested; null: beside the model. */
  outputsFolder: folder,
  device: deviceName,
  /** A run that is expected to need more memory is refused; null: what is free. */
  maxMemoryBytes: bytes.positive().nullable(),
  /** What finished calibrations may take together; those that were not used for longest go first. */
  statisticsBytes: bytes,
  /** null: huggingface.co. HF_ENDPOINT goes before it. */
  hubEndpoint: z.string().max(2048).nullable(),
  /** The network is not used. */
  offline: z.boolean(),
});
export type Settings = z.infer<typeof settings>;

/** As they come. */
export const usualSettings: Settings = {
  modelsFolder: null,
  outputsFolder: null,
  device: 'auto',
  maxMemoryBytes: null,
  statisticsBytes: 4 * GiB,
  hubEndpoint: null,
  offline: false,
};

/** Settings as they are, and what they come to. */
export const settingsState = z.object({
  settings,
  folders: z.object({ userData: z.string(), models: z.string() }),
  /** The hub that is asked. */
  hubEndpoint: z.string(),
  /** Variables of the environment that go before a setting. */
  overrides: z.object({ hubEndpoint: z.boolean(), offline: z.boolean() }),
  /** What finished calibrations take now. */
  statisticsUsedBytes: bytes,
});
export type SettingsState = z.infer<typeof settingsState>;

/** Settings to change; the others stay. */
export const settingsChange = z.strictObject(settings.shape).partial();
export type SettingsChange = z.infer<typeof settingsChange>;
