// The parts of the shell that need no Electron: what a start may open, where a window opens, which work counts.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelOf, modelOfArguments } from '../../src-main/shell/openings.ts';
import { saveFile } from '../../src-main/shell/save-file.ts';
import { openingBounds, readWindowState, writeWindowState } from '../../src-main/shell/window-state.ts';
import { preferredLanguage } from '../../src-main/shell/words.ts';
import { temporaryFolder } from '../support/engine.ts';
import { sampleFolder, sampleModel } from '../support/paths.ts';

describe('what a start may open', () => {
  const link = (model: string): string => `snug://open?model=${encodeURIComponent(model)}`;

  it('is a .gguf file that exists, relative to the folder of the start', () => {
    expect(modelOf(sampleModel, '/')).toBe(sampleModel);
    expect(modelOf(path.basename(sampleModel), sampleFolder)).toBe(sampleModel);
    expect(modelOf(link(sampleModel), '/')).toBe(sampleModel);
  });

  it('is a model on the hub', () => {
    expect(modelOf('hub:owner/name:Q4_K_M', '/')).toBe('hub:owner/name:Q4_K_M');
    expect(modelOf('snug://hub/owner/name', '/')).toBe('hub:owner/name');
    expect(modelOf(link('hub:owner/name'), '/')).toBe('hub:owner/name');
  });

  it('is nothing else', () => {
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, 'folder.gguf'));
    const refused = [
      path.join(sampleFolder, 'config.json'),
      path.join(folder, 'folder.gguf'),
      '/nowhere/model.gguf',
      link('relative.gguf'),
      link('//server/share/model.gguf'),
      String.raw`snug://open?model=\\server\share\model.gguf`,
      link('/etc/passwd'),
      link(`${sampleModel}\0.gguf`),
      'snug://open',
      'snug://run?model=hub:owner/name',
      'snug://hub/owner',
      'snug://hub/../../etc',
      'snug://hub/%ff/%2e%2e',
      'snug:open?model=hub:owner/name',
      'hub:owner',
      'https://example.org/model.gguf',
      '',
    ];
    expect(refused.filter((text) => modelOf(text, folder) !== null)).toEqual([]);
  });

  it('is the last model among the arguments, whatever the options say', () => {
    const args = ['--no-sandbox', '/project', 'hub:owner/first', `--file=${sampleModel}`, sampleModel, '--inspect=0'];
    expect(modelOfArguments(args, '/')).toBe(sampleModel);
    expect(modelOfArguments(['--hub:owner/name', '.'], '/')).toBeNull();
  });

  it('never throws, and answers with nothing but files and addresses', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webUrl(),
      fc.string().map((text) => `snug://open?model=${text}`),
      fc.string().map((text) => `snug://hub/${text}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const model = modelOf(text, '/nowhere');
        expect(model === null || model.startsWith('hub:')).toBe(true);
      }),
      { seed: 12, numRuns: 500 },
    );
  });
});

describe('where a window opens', () => {
  const display = { x: 0, y: 25, width: 1920, height: 1055 };

  it('is where it was', () => {
    const kept = { x: 300, y: 200, width: 1200, height: 800 };
    expect(openingBounds(kept, [display])).toEqual(kept);
  });

  it('is wherever the system likes when its display is gone, or its title bar is out of reach', () => {
    for (const place of [
      { x: 2500, y: 200 },
      { x: -1150, y: 200 },
      { x: 100, y: 0 },
      { x: 100, y: 1060 },
    ])
      expect(openingBounds({ ...place, width: 1200, height: 800 }, [display])).toEqual({ width: 1100, height: 780 });
    expect(openingBounds(null, [display])).toEqual({ width: 1100, height: 780 });
  });

  it('is never larger than its display, nor smaller than the page can be', () => {
    expect(openingBounds({ x: 0, y: 25, width: 4000, height: 3000 }, [display])).toMatchObject({
      width: 1920,
      height: 1055,
    });
    expect(openingBounds({ x: 0, y: 25, width: 1, height: 1 }, [display])).toMatchObject({ width: 900, height: 600 });
  });

  it('is kept in one file that is whole or not there, and a damaged one is as good as none', () => {
    const folder = temporaryFolder();
    const state = { bounds: { x: 1, y: 2, width: 1000, height: 700 }, isMaximized: true, language: 'de' } as const;
    writeWindowState(folder, state);
    expect(readWindowState(folder)).toEqual(state);
    expect(readdirSync(folder)).toEqual(['window.json']);
    for (const damaged of ['', '{"bounds":', '{"bounds":{"x":1e300}}', '[]', '{"language":"fr"}']) {
      writeFileSync(path.join(folder, 'window.json'), damaged);
      expect(readWindowState(folder)).toEqual({ bounds: null, isMaximized: false, language: null });
    }
  });
});

describe('the language of the shell', () => {
  it("is the user's first that it knows, else English", () => {
    expect(preferredLanguage(['fr-FR', 'de-AT', 'en-US'])).toBe('de');
    expect(preferredLanguage(['en-GB', 'de'])).toBe('en');
    expect(preferredLanguage(['fr'])).toBe('en');
  });
});

describe('a saved file', () => {
  it('is whole, in place of the one before', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'a.csv');
    writeFileSync(file, 'a longer one from before');
    await saveFile(file, 'new');
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['a.csv']);
  });

  it('that cannot be written says so in the project’s own error, and leaves nothing behind', async () => {
    const folder = temporaryFolder();
    const missing = path.join(folder, 'nowhere');
    await expect(saveFile(path.join(missing, 'a.csv'), 'text')).rejects.toMatchObject({
      code: 'NOT_WRITABLE',
      message: `There is no folder ${missing}: make it, or choose another one.`,
    });
    mkdirSync(path.join(folder, 'taken'));
    await expect(saveFile(path.join(folder, 'taken'), 'text')).rejects.toMatchObject({ code: 'NOT_WRITABLE' });
    expect(readdirSync(folder)).toEqual(['taken']);
  });
});
