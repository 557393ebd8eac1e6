// What `snug devices` found, as text.
import type { CudaFiles, DeviceList, NvidiaGpu, ProviderState } from '../../contract/devices.ts';
import { formatMemory } from '../../contract/units.ts';
import type { Canvas } from './style.ts';
import { table } from './table.ts';

const right = 'right' as const;

export function describeDevices(list: DeviceList, installed: CudaFiles | null, { style, width }: Canvas): string[] {
  const { llama, gpus, providers, provider, missing } = list;
  return [
    ...(installed ? [`Added to ${installed.folder}: ${installed.files.join(', ')}`, ''] : []),
    style.strong(verdictOf(list)),
    '',
    llama ? `llama.cpp ${llama.release}, ggml ${llama.ggmlVersion}` : style.careful('llama.cpp is not usable here'),
    ...deviceTable(list, width),
    ...(gpus.length > 0 ? ['', "NVIDIA's driver", ...gpuTable(gpus, width)] : []),
    '',
    `onnxruntime${provider === null ? '' : `: ${provider} runs Snug's graphs where no --device is named`}`,
    ...providerTable(providers, width),
    ...(missing.length > 0 ? [''] : []),
    ...missing.map(({ backend, reason }) => `${style.careful('Missing:')} ${backend}: ${reason}`),
  ];
}

function verdictOf({ devices, gpus }: DeviceList): string {
  const gpu = devices.find(({ kind }) => kind === 'gpu') ?? devices.find(({ kind }) => kind === 'igpu');
  if (gpu) return `${gpu.description}: ${formatMemory(gpu.totalBytes)}, ${formatMemory(gpu.freeBytes)} free.`;
  if (gpus[0]) return `${gpus[0].name}: there, but llama.cpp cannot use it.`;
  return 'No GPU was found; everything runs on the CPU.';
}

function deviceTable({ devices }: DeviceList, width: Canvas['width']): string[] {
  const columns = [
    { title: 'device' },
    { title: 'kind' },
    { title: 'memory', align: right },
    { title: 'free', align: right },
    { title: 'name', flexible: true },
  ];
  const rows = devices.map(({ name, kind, totalBytes, freeBytes, description }) => [
    ...[name, kind, formatMemory(totalBytes), formatMemory(freeBytes), description],
  ]);
  return table(columns, rows, width);
}

function gpuTable(gpus: readonly NvidiaGpu[], width: Canvas['width']): string[] {
  const columns = [
    { title: 'gpu' },
    { title: 'driver' },
    { title: 'memory', align: right },
    { title: 'free', align: right },
    { title: 'name', flexible: true },
  ];
  const memory = (bytes: number | null): string => (bytes === null ? '-' : formatMemory(bytes));
  const rows = gpus.map(({ index, driver, totalBytes, freeBytes, name, isDivided }) => [
    ...[String(index), driver ?? '-', memory(totalBytes), memory(freeBytes), `${name}${isDivided ? ' (MIG)' : ''}`],
  ]);
  return table(columns, rows, width);
}

const states = {
  auto: 'usable',
  named: 'only where named',
  absent: 'not there',
  faulty: 'does not work',
} as const satisfies Record<ProviderState['state'], string>;

function providerTable(providers: readonly ProviderState[], width: Canvas['width']): string[] {
  if (providers.length === 0) return [];
  const columns = [{ title: 'provider' }, { title: 'state' }, { title: 'adapter' }, { title: 'why', flexible: true }];
  const why = ({ reason, speedup, name }: ProviderState): string =>
    reason ?? (name === 'cpu' || speedup === null ? '' : `${speedup.toFixed(1)} times the speed of the processor`);
  const rows = providers.map((shown) => [shown.name, states[shown.state], shown.adapter ?? '-', why(shown)]);
  return table(columns, rows, width);
}
