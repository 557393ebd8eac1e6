// Which device a job runs on: llama.cpp, and our own graphs. A device that was named and is not there is an error, never a silent CPU run.
import { AppError } from '../../contract/errors.ts';
import type { LlamaDevice } from '../../contract/llama-host-api.ts';
import type { DeviceName } from '../../contract/recipe.ts';
import type { GraphProvider } from '../../contract/worker/device.ts';
import { openModel } from '../../core/formats/model-source.ts';
import type { JobContext } from '../jobs/context.ts';

export interface ChosenDevice {
  /** Name for results: cpu, or llama.cpp's name of the GPU. */
  name: string;
  gpuLayers: number;
  release: string;
}

/**
 * Where our own graphs run, which is noted in the job: what is named, or the first provider that is a GPU and works.
 * `float16`: weights in F16 are read there. @throws DEVICE_UNAVAILABLE where the one that is named cannot be used
 */
export async function graphProvider(
  context: JobContext,
  device: DeviceName,
  { float16 = false } = {},
): Promise<GraphProvider> {
  const { provider, faulty } = await context.providers.choose(device, { signal: context.signal, float16 });
  for (const { name, reason } of faulty) {
    const warning = `${name} was not used: ${reason}.`;
    if (!context.warnings.includes(warning)) context.warnings.push(warning);
  }
  context.device = provider;
  return provider;
}

/** What a result says of an exported model on WebGPU (docs/devices.md). */
export const onProcessorToo =
  'On webgpu the sines of rotary angles, which are not exact there, and the sizes, positions and masks of tokens were computed on the processor; all else on the GPU.';

/** Room on a GPU besides the weights, for caches and buffers of the measuring windows. */
const workingBytes = 2 ** 30;

/** Chooses for models that are all loaded at once, and notes the choice in the job. @throws DEVICE_UNAVAILABLE */
export async function chooseDevice(
  context: JobContext,
  wanted: string,
  models: readonly string[],
): Promise<ChosenDevice> {
  const chosen = await choose(context, wanted, models);
  context.device = chosen.name;
  return chosen;
}

async function choose(context: JobContext, wanted: string, models: readonly string[]): Promise<ChosenDevice> {
  const { devices, release, missing } = await context.identify();
  const cpu: ChosenDevice = { name: 'cpu', gpuLayers: 0, release };
  if (wanted === 'cpu') return cpu;
  if (wanted === 'webgpu') {
    throw new AppError(
      'DEVICE_UNAVAILABLE',
      'llama.cpp does not run on WebGPU: use --device auto, cuda or cpu for this verb.',
      { device: wanted },
    );
  }
  const gpu = devices.find(
    (device) => device.kind === 'gpu' && (wanted === 'auto' || device.name.toUpperCase().startsWith('CUDA')),
  );
  if (!gpu) {
    if (wanted === 'auto') return cpu;
    const reasons = missing.map((entry) => `${entry.backend}: ${entry.reason}`).join('; ');
    throw new AppError(
      'DEVICE_UNAVAILABLE',
      `No CUDA device is usable (${reasons || 'none was found'}). Use --device cpu to run on the processor.`,
      {
        device: wanted,
        missing,
      },
    );
  }
  return (await fitsOn(gpu, models)) || wanted !== 'auto'
    ? { name: gpu.name, gpuLayers: -1, release }
    : tooLarge(context, gpu, cpu);
}

async function fitsOn(gpu: LlamaDevice, models: readonly string[]): Promise<boolean> {
  const sizes = await Promise.all(models.map(weightBytes));
  return sizes.reduce((sum, size) => sum + size, workingBytes) <= gpu.freeBytes;
}

async function weightBytes(path: string): Promise<number> {
  const model = await openModel(path);
  await model.close();
  return model.fileBytes;
}

function tooLarge(context: JobContext, gpu: LlamaDevice, cpu: ChosenDevice): ChosenDevice {
  const warning = `Measured on the processor: ${gpu.name} (${gpu.description}) has too little free memory for the models.`;
  if (!context.warnings.includes(warning)) context.warnings.push(warning);
  return cpu;
}
