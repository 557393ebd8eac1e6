// Release, libraries and devices of llama.cpp on this machine.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { LlamaHostApi } from '../../contract/llama-host-api.ts';
import { openEngine } from '../native/engine.ts';
import { physicalCores } from '../native/threads.ts';

export const identify: HandlersOf<LlamaHostApi>['identify'] = () => {
  const { addon, release, ggmlVersion, folder, missing } = openEngine();
  return { release, ggmlVersion, folder, devices: addon.devices(), cores: physicalCores(), missing };
};
