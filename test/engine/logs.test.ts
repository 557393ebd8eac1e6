import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openAppLog } from '../../src-main/engine/app-log.ts';
import { resultOf, startEngine, temporaryFolder } from '../support/engine.ts';
import { sampleModel } from '../support/paths.ts';

const lines = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('a run has a log of its own: what was asked, its stages, its end', async () => {
  const { home, run } = await startEngine();
  const target = { kind: 'file', bytes: 9e6 };
  const snapshot = await run({ verb: 'plan', model: sampleModel, target });
  resultOf(snapshot, 'plan');
  const failed = await run({ verb: 'plan', model: '/nowhere.gguf', target });
  const log = lines(path.join(home, 'jobs', snapshot.id, 'log.jsonl'));
  expect(log[0]).toMatchObject({ event: 'start', run: snapshot.id, recipe: { model: sampleModel }, isResumed: false });
  expect(log.filter(({ event }) => event === 'stage').map(({ stage }) => stage)).toContain('plan');
  expect(log.at(-1)).toMatchObject({ event: 'done' });
  expect(lines(path.join(home, 'jobs', failed.id, 'log.jsonl')).at(-1)).toMatchObject({
    event: 'failed',
    error: { code: 'FILE_NOT_FOUND' },
    stack: expect.stringContaining('model-source.ts') as string,
  });
});

test('the log of the application turns over and never grows without end', () => {
  const home = temporaryFolder();
  const log = openAppLog(home);
  const folder = path.join(home, 'logs');
  for (let turn = 0; turn < 5; turn++) {
    log('event', { turn });
    writeFileSync(path.join(folder, 'app.jsonl'), `${JSON.stringify({ turn, filler: 'x'.repeat(2 ** 20) })}\n`);
  }
  log('last');
  expect(readdirSync(folder).toSorted()).toEqual(['app.jsonl', 'app.jsonl.1', 'app.jsonl.2']);
  expect(lines(path.join(folder, 'app.jsonl'))).toMatchObject([{ event: 'last', pid: process.pid }]);
  expect(lines(path.join(folder, 'app.jsonl.1'))).toMatchObject([{ turn: 4 }]);
  expect(statSync(path.join(folder, 'app.jsonl')).size).toBeLessThan(1000);
});
