// A process that downloads a model, to be killed: fetch-main.ts HOME ADDRESS.
import path from 'node:path';
import { fetchModel } from '../../../src-main/engine/hub/fetch-model.ts';
import { hubSettings } from '../../../src-main/engine/hub/settings.ts';
import { openSnapshot } from '../../../src-main/engine/hub/snapshot.ts';

const [home, address] = process.argv.slice(2);
const { signal } = new AbortController();
const hub = { settings: hubSettings(process.env), folder: path.join(home!, 'models/hub'), signal, warn: () => {} };
await fetchModel(hub, await openSnapshot(hub, address!), { report: () => {} });
process.exit(0);
