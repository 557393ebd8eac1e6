// The source of the llama.cpp release in node_modules: node-llama-cpp carries it as a git bundle.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { ggufPackageBundle } from '../support/paths.ts';

/** Checks the named paths of the bundle out into `folder`/source and returns it. */
export function checkOutBundle(folder: string, paths: readonly string[]): string {
  const source = path.join(folder, 'source');
  execFileSync('git', ['clone', '--quiet', '--no-checkout', ggufPackageBundle, source], { stdio: 'ignore' });
  execFileSync('git', ['-C', source, 'checkout', '--quiet', 'HEAD', '--', ...paths], { stdio: 'pipe' });
  return source;
}
