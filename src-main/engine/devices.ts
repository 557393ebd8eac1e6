// What this machine can run on, as llama.cpp and onnxruntime see it.
import type { DeviceList } from '../contract/engine-api.ts';
import { AppError } from '../contract/errors.ts';
import type { Children } from './children.ts';

export async function listDevices(children: Children, signal: AbortSignal): Promise<DeviceList> {
  const [host, worker] = await Promise.allSettled([
    children.llama(signal, (client) => client.identify({})),
    children.worker(signal, (client) => client.identify({})),
  ]);
  const missing = [host, worker].flatMap((answer, index) =>
    answer.status === 'rejected'
      ? [{ backend: index === 0 ? 'llama.cpp' : 'worker', reason: AppError.from(answer.reason).message }]
      : [],
  );
  const llama = host.status === 'fulfilled' ? host.value : null;
  return {
    devices: llama?.devices ?? [],
    llama: llama && { release: llama.release, ggmlVersion: llama.ggmlVersion },
    onnxProviders: worker.status === 'fulfilled' ? worker.value.onnxProviders : [],
    missing: [...missing, ...(llama?.missing ?? [])],
  };
}
