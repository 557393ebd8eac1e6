// A small repository on a hub of the test's own, and its files fetched from there.
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { AppError } from '../../src-main/contract/errors.ts';
import type { HubModel } from '../../src-main/contract/hub-model.ts';
import type { Progress } from '../../src-main/contract/progress.ts';
import { fetchModel } from '../../src-main/engine/hub/fetch-model.ts';
import { hubSettings, type HubSettings } from '../../src-main/engine/hub/settings.ts';
import { openSnapshot } from '../../src-main/engine/hub/snapshot.ts';
import { temporaryFolder } from './engine.ts';
import { startHubServer, type FaultOf, type HubServer, type HubServerOptions } from './hub-server.ts';

export const MB = 10 ** 6;
export const weights = randomBytes(3 * MB);
export const files = {
  'config.json': Buffer.from('{"model_type":"llama"}'),
  'README.md': Buffer.from('# A model'),
  'model.safetensors': weights,
  'pytorch_model.bin': randomBytes(20_000),
  'onnx/model.onnx': randomBytes(20_000),
};
export const impatient = { rangeBytes: MB, firstDelayMs: 20, longestDelayMs: 50, longestAskedMs: 500, stallMs: 400 };

interface Fetching {
  home?: string;
  address?: string;
  signal?: AbortSignal;
  report?: (progress: Progress) => void;
  settings?: Partial<HubSettings>;
  environment?: NodeJS.ProcessEnv;
  free?: number;
  warnings?: string[];
}

export async function fetchFrom(server: HubServer, options: Fetching = {}): Promise<HubModel> {
  const { home = temporaryFolder(), address = 'hub:owner/name', signal = new AbortController().signal } = options;
  const { report = () => {}, warnings = [], free } = options;
  const settings = hubSettings({ HF_ENDPOINT: server.endpoint, ...options.environment });
  const hub = {
    settings: { ...settings, pace: impatient, ...options.settings },
    ...{ folder: path.join(home, 'models/hub'), signal, warn: (warning: string) => void warnings.push(warning) },
    ...(free === undefined ? {} : { free: async () => free }),
  };
  const snapshot = await openSnapshot(hub, address);
  return fetchModel(hub, snapshot, { report });
}

export const serve = (fault: FaultOf = () => null, options: Partial<HubServerOptions> = {}): Promise<HubServer> =>
  startHubServer({ files, fault, ...options });
export const refused = async (fetching: Promise<unknown>): Promise<AppError> =>
  fetching.then(
    () => expect.fail('it succeeded'),
    (error: unknown) => AppError.from(error),
  );
export const bytesIn = (folder: string, name = 'model.safetensors'): Buffer => readFileSync(path.join(folder, name));
/** Names below a folder. */
export const namesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
