// What this machine can run on, as llama.cpp, onnxruntime and NVIDIA's driver see it.
import type { DeviceList } from '../../contract/devices.ts';
import { AppError } from '../../contract/errors.ts';
import type { Children } from '../children.ts';
import { nvidiaGpus } from './nvidia-smi.ts';
import type { Providers } from './providers.ts';

export interface ListOptions {
  children: Children;
  /** null: they are not tried. */
  providers: Providers | null;
  signal: AbortSignal;
}

export async function listDevices({ children, providers, signal }: ListOptions): Promise<DeviceList> {
  const [host, worker, nvidia, shown] = await Promise.all([
    settled(children.llama(signal, (client) => client.identify({}))),
    settled(children.worker(signal, (client) => client.identify({}))),
    nvidiaGpus(),
    providers?.list(signal) ?? { providers: [], provider: null },
  ]);
  return {
    devices: host.answer?.devices ?? [],
    llama: host.answer && { release: host.answer.release, ggmlVersion: host.answer.ggmlVersion },
    onnxProviders: worker.answer?.onnxProviders ?? [],
    ...shown,
    gpus: nvidia.gpus,
    missing: [
      ...missing('llama.cpp', host.reason),
      ...missing('worker', worker.reason),
      ...(host.answer?.missing ?? []),
      ...missing('nvidia-smi', nvidia.reason),
    ],
  };
}

const settled = <T>(call: Promise<T>): Promise<{ answer: T | null; reason: string | null }> =>
  call.then(
    (answer) => ({ answer, reason: null }),
    (error: unknown) => ({ answer: null, reason: AppError.from(error).message }),
  );

const missing = (backend: string, reason: string | null): DeviceList['missing'] =>
  reason === null ? [] : [{ backend, reason }];
