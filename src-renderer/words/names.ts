// What ids of the engine stand for: devices and programs. What this Snug does not know stays as it is written.
import { useWords } from './words.ts';

const words = useWords();

const known = (names: Readonly<Record<string, string>>, id: string): string | undefined =>
  Object.hasOwn(names, id) ? names[id] : undefined;

/** `processor`, `CUDA`. */
export const deviceName = (id: string): string => known(words.advanced.devices, id) ?? id;

/** `on the processor`, `on CUDA`. */
export const onDevice = (id: string): string =>
  known(words.history.detail.onDevices, id) ?? words.history.detail.on(id);

/** `LM Studio`; of what was exported into a folder its path. */
export const runnerName = (id: string): string => known(words.exporting.runners, id) ?? id;
