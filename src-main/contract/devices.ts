// What a machine can compute on, and why not on the rest.
import { z } from 'zod';
import { llamaDevice } from './llama-host-api.ts';
import { bytes } from './units.ts';
import { graphProvider, providerProbe } from './worker/device.ts';

/** A GPU as NVIDIA's driver tells of it. */
export const nvidiaGpu = z.object({
  index: z.number().int(),
  name: z.string(),
  driver: z.string().nullable(),
  /** In the driver's MiB; null where it does not say. */
  totalBytes: bytes.nullable(),
  freeBytes: bytes.nullable(),
  /** Divided into instances (MIG): its memory is not at one job's hand. */
  isDivided: z.boolean(),
});
export type NvidiaGpu = z.infer<typeof nvidiaGpu>;

export const providerState = providerProbe.extend({ name: graphProvider });
export type ProviderState = z.infer<typeof providerState>;

/** CUDA files that were added to onnxruntime-node. */
export const cudaFiles = z.object({ folder: z.string(), files: z.array(z.string()) });
export type CudaFiles = z.infer<typeof cudaFiles>;

export const deviceList = z.object({
  /** Devices that llama.cpp sees. */
  devices: z.array(llamaDevice),
  llama: z.object({ release: z.string(), ggmlVersion: z.string() }).nullable(),
  /** Execution providers that this build of onnxruntime knows. */
  onnxProviders: z.array(z.string()),
  /** Those that Snug runs on, in the order in which one is chosen, with what each showed; empty where none was tried. */
  providers: z.array(providerState),
  /** The one that is chosen where none is named; null where none was tried. */
  provider: graphProvider.nullable(),
  /** GPUs that nvidia-smi sees. */
  gpus: z.array(nvidiaGpu),
  /** What is not usable, each with its reason. */
  missing: z.array(z.object({ backend: z.string(), reason: z.string() })),
});
export type DeviceList = z.infer<typeof deviceList>;
