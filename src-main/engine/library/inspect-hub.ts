// Inspects a model wherever it is: on this machine, or on a hub, of which only headers and small files are read.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isHubAddress, parseHubAddress } from '../../contract/hub-address.ts';
import type { Inspection } from '../../contract/model.ts';
import type { Settings } from '../../contract/settings.ts';
import { openOutline } from '../hub/outline.ts';
import { openHub } from '../hub/open-hub.ts';
import { inspect } from './inspect.ts';

export interface InspectOptions {
  /** The user data. */
  home: string;
  preferences: Settings;
  signal: AbortSignal;
}

export async function inspectAnywhere(
  { model, offline = false }: { model: string; offline?: boolean | undefined },
  { home, preferences, signal }: InspectOptions,
): Promise<Inspection> {
  if (!isHubAddress(model)) return inspect(model);
  const hub = openHub({ home, preferences, offline, signal, warn: () => {} });
  const scratch = await mkdtemp(path.join(tmpdir(), 'snug-inspect-'));
  try {
    const { model: local, used } = await openOutline(hub, model, scratch);
    const { owner, name } = parseHubAddress(model);
    return { ...(await inspect(local)), path: used.path ?? model, hub: [used], repository: `${owner}/${name}` };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
