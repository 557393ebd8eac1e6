// What a user sets once. Folders, the hub and the statistics hold for the window and the command line alike; a device and a
// limit of memory belong to recipes, so that they are only what the window proposes for a run (docs/settings.md).
import { z } from 'zod';
import { deviceName } from './recipe.ts';
import { bytes } from './units.ts';

const GiB = 2 ** 30;
const folder = z.string().min(1).max(4096).nullable();

export const settings = z.object({
  /** Where models from a hub are kept; null: in the user data. */
  modelsFolder: folder.default(null),
  /** Where outputs are suggested; null: beside the model. */
  outputsFolder: folder.default(null),
  device: deviceName.default('auto'),
  /** A run that is expected to need more memory is refused; null: what is free. */
  maxMemoryBytes: bytes.positive().nullable().default(null),
  /** What finished calibrations may take together; those that were not used for longest go first. */
  statisticsBytes: bytes.default(4 * GiB),
  /** null: huggingface.co. HF_ENDPOINT goes before it. */
  hubEndpoint: z.string().max(2048).nullable().default(null),
  /** The network is not used. */
  offline: z.boolean().default(false),
});
export type Settings = z.infer<typeof settings>;
export const usualSettings: Settings = settings.parse({});

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
export const settingsChange = z
  .strictObject({
    modelsFolder: folder,
    outputsFolder: folder,
    device: deviceName,
    maxMemoryBytes: bytes.positive().nullable(),
    statisticsBytes: bytes,
    hubEndpoint: z.string().max(2048).nullable(),
    offline: z.boolean(),
  })
  .partial();
export type SettingsChange = z.infer<typeof settingsChange>;
