// snug devices: what this machine can compute on.
import type { DeviceList } from '../../contract/engine-api.ts';
import { formatMemory } from '../../contract/units.ts';
import { exitCodes } from '../exit-codes.ts';
import { everywhere } from '../options.ts';
import type { Canvas } from '../report/style.ts';
import { table } from '../report/table.ts';
import type { Verb } from '../verb.ts';

export const devices: Verb = {
  name: 'devices',
  summary: 'list the devices found and what is missing',
  usage: '',
  takesModel: false,
  options: everywhere,
  examples: ['snug devices'],
  async run(_model, _values, session) {
    const value = await session.engine().call.devices({});
    return { value, text: (canvas) => describe(value, canvas), exitCode: exitCodes.done };
  },
};

function describe({ devices: found, llama, onnxProviders, missing }: DeviceList, { style, width }: Canvas): string[] {
  const gpu = found.find((device) => device.kind === 'gpu') ?? found.find((device) => device.kind === 'igpu');
  const verdict = gpu
    ? `${gpu.description}: ${formatMemory(gpu.totalBytes)}, ${formatMemory(gpu.freeBytes)} free.`
    : 'No GPU was found; everything runs on the CPU.';
  const rows = found.map((device) => [
    device.name,
    device.kind,
    formatMemory(device.totalBytes),
    formatMemory(device.freeBytes),
    device.description,
  ]);
  const right = 'right' as const;
  const columns = [
    { title: 'device' },
    { title: 'kind' },
    { title: 'memory', align: right },
    { title: 'free', align: right },
    { title: 'name', flexible: true },
  ];
  return [
    style.strong(verdict),
    '',
    ...table(columns, rows, width),
    '',
    llama ? `llama.cpp ${llama.release}, ggml ${llama.ggmlVersion}` : style.careful('llama.cpp is not usable here'),
    `onnxruntime: ${onnxProviders.join(', ') || 'none'}`,
    ...missing.map(({ backend, reason }) => `${style.careful('Missing:')} ${backend}: ${reason}`),
  ];
}
