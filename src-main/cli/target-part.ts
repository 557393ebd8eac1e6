// What a model has to fit into, from --memory or --file-size and what belongs to them.
import type { DeviceList } from '../contract/devices.ts';
import { AppError } from '../contract/errors.ts';
import type { KvType } from '../contract/llama-host-api.ts';
import type { OptionValues } from './options.ts';
import { readSize } from './parse-options.ts';
import { forbid, type Surroundings } from './recipe-parts.ts';

export type TargetInput =
  | { kind: 'memory'; bytes: number; context?: number; kvType?: KvType; reserveBytes?: number }
  | { kind: 'file'; bytes: number };

/** @throws USAGE, DEVICE_UNAVAILABLE */
export async function targetPart(values: OptionValues, outside: Surroundings): Promise<TargetInput> {
  const fileSize = values['file-size'];
  if (fileSize !== undefined) {
    forbid(values, ['memory'], 'and --file-size cannot be given together');
    forbid(values, ['context', 'kv-type', 'reserve'], 'belongs to --memory and means nothing with --file-size');
    if (fileSize === 0) throw new AppError('USAGE', '--file-size must be more than 0.', { option: '--file-size' });
    return { kind: 'file', bytes: fileSize };
  }
  if (values.memory === undefined) {
    throw new AppError(
      'USAGE',
      'What should it fit into? Add --memory SIZE (for example --memory 24GiB), --memory gpu or --file-size SIZE.',
    );
  }
  const bytes = values.memory === 'gpu' ? await freeGpuMemory(outside) : readSize('memory', values.memory);
  if (bytes === 0) throw new AppError('USAGE', '--memory must be more than 0.', { option: '--memory' });
  return { kind: 'memory', bytes, context: values.context, kvType: values['kv-type'], reserveBytes: values.reserve };
}

/**
 * Free bytes of the GPU that was found, of several the one with most: as llama.cpp counts them, which runs there; else as
 * NVIDIA's driver does. One with memory of its own comes before one that shares the system's. @throws DEVICE_UNAVAILABLE
 */
async function freeGpuMemory({ engine }: Surroundings): Promise<number> {
  const list = await engine().call.devices({ probe: false });
  const free = mostFree(list);
  if (free > 0) return free;
  const divided = list.gpus.filter(({ isDivided }) => isDivided);
  const missing = [
    ...list.missing,
    ...divided.map(({ name }) => ({ backend: name, reason: 'divided into instances (MIG), of which each is its own' })),
  ];
  const reasons = missing.map(({ backend, reason }) => `${backend}: ${reason}`).join('; ');
  throw new AppError(
    'DEVICE_UNAVAILABLE',
    `No GPU with free memory was found${reasons === '' ? '' : ` (${reasons})`}. Give the memory of the card you mean, for example --memory 24GiB.`,
    { device: 'gpu', missing },
  );
}

function mostFree({ devices, gpus }: DeviceList): number {
  const most = (kind: 'gpu' | 'igpu'): number =>
    Math.max(0, ...devices.filter((device) => device.kind === kind).map((device) => device.freeBytes));
  const whole = gpus.filter(({ isDivided }) => !isDivided).map(({ freeBytes }) => freeBytes ?? 0);
  return most('gpu') || Math.max(0, ...whole) || most('igpu');
}
