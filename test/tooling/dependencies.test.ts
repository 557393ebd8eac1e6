// package.json: what a package carries in node_modules (`dependencies`, `optionalDependencies`) and what is bundled or a tool.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../support/paths.ts';

interface Manifest {
  optionalDependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

const manifestIn = (folder: string): Manifest =>
  JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8')) as Manifest;

it("takes llama.cpp's libraries from the release of node-llama-cpp that is tested, all but the CUDA code for old cards", () => {
  const { optionalDependencies, devDependencies } = manifestIn('.');
  const theirs = Object.entries(manifestIn('node_modules/node-llama-cpp').optionalDependencies);
  expect(optionalDependencies).toEqual(Object.fromEntries(theirs.filter(([name]) => !name.endsWith('-ext'))));
  expect(new Set(Object.values(optionalDependencies))).toEqual(new Set([devDependencies['node-llama-cpp']]));
});
