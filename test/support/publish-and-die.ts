// Publishes an output and is killed before one of the steps that change the disk: STEPS FUNCTION MADE OUTPUT NOTE [without force | taken up].
import { createRequire, syncBuiltinESMExports } from 'node:module';
import process from 'node:process';

type Name = 'publish' | 'publishFolder' | 'publishOnnx' | 'publishAnew';
const [steps, name, made, output, note, mode] = process.argv.slice(2) as [
  string,
  Name,
  string,
  string,
  string,
  string?,
];
const files = createRequire(import.meta.url)('node:fs/promises') as Record<string, (...args: unknown[]) => unknown>;
let left = Number(steps);
for (const change of ['rename', 'rm', 'rmdir', 'mkdir']) {
  const original = files[change]!;
  files[change] = (...args) => {
    if (left === 0) process.kill(process.pid, 'SIGKILL');
    left -= 1;
    return original(...args);
  };
}
syncBuiltinESMExports();
const publishing = await import('../../src-main/engine/jobs/publish.ts');
await publishing[name](made, { output, force: mode !== 'without force' }, { note, isNamed: mode === 'taken up' });
