// The command line as a process of its own, with the fake engine of fake-engine-main.ts.
import { fileURLToPath } from 'node:url';
import { runProcess } from '../../src-main/cli/run-process.ts';

await runProcess(fileURLToPath(import.meta.resolve('./fake-engine-main.ts')));
