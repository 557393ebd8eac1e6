// snug devices: what this machine can compute on.
import { exitCodes } from '../exit-codes.ts';
import { everywhere } from '../options.ts';
import { describeDevices } from '../report/devices.ts';
import type { Verb } from '../verb.ts';

export const devices: Verb = {
  name: 'devices',
  summary: 'list the devices found and what is missing',
  usage: '',
  takesModel: false,
  options: [...everywhere, 'install-cuda'],
  examples: ['snug devices', 'snug devices --install-cuda'],
  async run(_model, values, session) {
    const { call } = session.engine();
    if (values['install-cuda']) session.note("Fetching onnxruntime's CUDA files, some hundred megabytes…");
    const installed = values['install-cuda'] ? await call.installCuda({}) : null;
    const found = await call.devices({});
    const value = installed ? { ...found, installed } : found;
    return { value, text: (canvas) => describeDevices(found, installed, canvas), exitCode: exitCodes.done };
  },
};
