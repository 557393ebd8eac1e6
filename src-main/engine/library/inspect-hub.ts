// Inspects a model wherever it is: on this machine, or on a hub, of which only headers and small files are read.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isHubAddress } from '../../contract/hub-address.ts';
import type { Inspection } from '../../contract/model.ts';
import { openOutline } from '../hub/outline.ts';
import { hubSettings } from '../hub/settings.ts';
import { inspect } from './inspect.ts';

export interface InspectOptions {
  /** The user data. */
  home: string;
  signal: AbortSignal;
}

export async function inspectAnywhere(
  { model, offline = false }: { model: string; offline?: boolean | undefined },
  { home, signal }: InspectOptions,
): Promise<Inspection> {
  if (!isHubAddress(model)) return inspect(model);
  const settings = hubSettings(process.env);
  const hub = { settings: { ...settings, offline: settings.offline || offline }, home, signal, warn: () => {} };
  const scratch = await mkdtemp(path.join(tmpdir(), 'snug-inspect-'));
  try {
    const { model: local, used } = await openOutline(hub, model, scratch);
    return { ...(await inspect(local)), path: used.path ?? model, hub: [used] };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
