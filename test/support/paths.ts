// Where tests find data: fixtures and resources of the project, and larger reference data that only some machines have.
import { existsSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');
export const fixtures = path.join(root, 'test/fixtures');
export const resources = path.join(root, 'resources');
export const sampleModel = path.join(resources, 'sample/sample-7m.F16.gguf');
export const sampleFolder = path.join(resources, 'sample');

/** Reference data outside the project (a real 135M model, tiny mixture-of-experts files, standard texts); null where absent. */
const reference = process.env['SNUG_REFERENCE_DATA'] ?? path.resolve(root, '../shared');

function reachable(relative: string): string | null {
  const full = path.join(reference, relative);
  return existsSync(full) ? full : null;
}

export const realModel = reachable('models/smollm2-135m-instruct.Q4_1.gguf');
export const architectures = reachable('golden/architectures');
export const referenceTexts = reachable('data');
export const makeDense = reachable('tools/make-dense.py');
export const ggufPackageBundle = path.join(root, 'node_modules/node-llama-cpp/llama/gitRelease.bundle');
