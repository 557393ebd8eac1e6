// From words of a name to plans, over a hub on this machine; the settings of the hub; and hints by keyboard.
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startHubServer, type HubServer, type ListedModel } from '../support/hub-server.ts';
import { sampleModel } from '../support/paths.ts';
import { cutSideways, launch, planWaitMs, resize, resizeToSmallest, type RunningApp } from './app.ts';
import { seriousViolations } from './axe.ts';

const bytes = readFileSync(sampleModel);
const files = { 'sample-7m.F16.gguf': bytes, 'sample-7m.again.gguf': bytes.subarray(0, 9_000_000) };
const models: ListedModel[] = [
  { id: 'owner/sample', downloads: 900, likes: 4, tags: ['safetensors'], safetensors: { parameters: {}, total: 7e6 } },
  { id: 'owner/name', downloads: 70, gated: 'auto', tags: ['gguf', 'base_model:quantized:owner/sample'] },
];

let app: RunningApp;
let hub: HubServer;

beforeEach(async () => {
  hub = await startHubServer({ files, models });
  app = await launch({ HF_ENDPOINT: hub.endpoint });
});

afterEach(async () => {
  await app.close();
});

const field = () => app.page.getByRole('textbox', { name: 'Model on a hub' });

describe('a model on a hub', () => {
  it('is found by words, chosen among the files of its repository, and planned from its header', async () => {
    await field().fill('owner');
    expect(hub.requests).toEqual([]); // typing asks nobody
    await field().press('Enter');
    await app.page.getByText('2 repositories on the hub for “owner”').waitFor();
    expect(await seriousViolations(app.page)).toEqual([]);
    await app.page.getByRole('button', { name: /^owner\/name asks first/ }).press('Enter');
    const choices = app.page.getByRole('list', { name: 'Models of owner/name' });
    await choices.getByRole('button', { name: /sample-7m\.again\.gguf\s*9\.00 MB/ }).waitFor();
    await choices.getByRole('button', { name: /sample-7m\.F16\.gguf/ }).click();
    await app.page.getByRole('region', { name: 'Plans' }).waitFor({ timeout: planWaitMs });

    const published = app.page.getByRole('region', { name: 'Published quantisations' });
    const before = hub.requests.length;
    await published.getByRole('button', { name: 'Look for published quantisations' }).click();
    await published.getByText(/^Published: owner\/name, sample-7m\.again\.gguf, 9\.00 MB\. By its size/).waitFor();
    expect(hub.requests.length).toBeGreaterThan(before);
    expect(await seriousViolations(app.page)).toEqual([]);
    expect(app.complaints).toEqual([]);
  });

  it('is told where none is found, where the hub fails, and where it is not to be asked', async () => {
    await field().fill('nothing like it');
    await app.page.getByRole('button', { name: 'Search' }).click();
    await app.page.getByText(/^No repository has all of these words/).waitFor();
    hub.fault = () => ({ status: 403 });
    await field().press('Enter');
    await app.page.getByRole('alert').getByText('it may want a token', { exact: false }).waitFor();
    await app.page.keyboard.press('Control+,');
    await app.page.getByLabel('Use no network: only models that are here').check();
    await app.page.getByText(/^HF_ENDPOINT is set in the environment/).waitFor();
    await app.page.getByLabel('Address of the hub').fill('nowhere');
    await app.page.getByLabel('Address of the hub').press('Enter');
    await app.page.getByText(/^Write an address such as/).waitFor();
    expect(await app.page.getByRole('alert').count()).toBe(0); // the field says it, once
    for (const label of ['Memory for the run', 'Kept statistics']) {
      await app.page.getByLabel(label).fill('much');
      await app.page.getByLabel(label).press('Enter');
    }
    await app.page.getByText('Write a size, such as 16 GiB.').nth(1).waitFor(); // each field its own
    await app.page.getByText('processor', { exact: true }).first().waitFor();
    expect(await seriousViolations(app.page)).toEqual([]);
    await resizeToSmallest(app);
    expect(await cutSideways(app.page)).toEqual([]);
    await resize(app, 1100, 780);
    const asked = hub.requests.length;
    await app.page.getByRole('button', { name: 'Fit', exact: true }).click();
    await app.page.getByRole('button', { name: 'Search again' }).click();
    await app.page.getByRole('alert').getByText('Not without the network').waitFor();
    expect(hub.requests).toHaveLength(asked);
    expect(app.complaints).toEqual([]);
  });
});

describe('a hint', () => {
  it('shows on focus by keyboard, is told with its term, and goes with Escape', async () => {
    await app.page.getByRole('button', { name: 'Try it on the sample' }).click();
    const term = app.page.getByRole('button', { name: 'KV cache', exact: true });
    await term.waitFor({ timeout: planWaitMs });
    await term.focus();
    await app.page.keyboard.press('Shift+Tab');
    await app.page.keyboard.press('Tab');
    const hint = app.page.getByRole('tooltip').filter({ hasText: 'What the model remembers' });
    await hint.waitFor();
    expect(
      await term.evaluate((element) => document.getElementById(element.getAttribute('aria-describedby')!)?.textContent),
    ).toContain('What the model remembers of the text so far');
    await app.page.keyboard.press('Escape');
    await hint.waitFor({ state: 'detached' });
    expect(app.complaints).toEqual([]);
  });
});
