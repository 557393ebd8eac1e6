// Every mix and type on the whole sample model: see test/worker/byte-equality.test.ts.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { sampleModel } from '../support/paths.ts';
import { cases, expectSameBytes, expectSameWithoutImportance } from '../worker/byte-cases.ts';
import { makeImportance, temporaryFolder } from '../worker/quantize-oracle.ts';

const folder = temporaryFolder();
let importance: string;

beforeAll(async () => {
  importance = await makeImportance(sampleModel, folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('bytes equal llama_model_quantize', () => {
  it.each(cases)('$name with importance', (row) => expectSameBytes(sampleModel, folder, row, importance));
  it.each(cases)('$name without importance, or both refuse', (row) =>
    expectSameWithoutImportance(sampleModel, folder, row),
  );
});
