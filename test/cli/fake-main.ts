// The command line as a process of its own, with the fake engine of fake-engine-main.ts.
import path from 'node:path';
import { runProcess } from '../../src-main/cli/run-process.ts';

await runProcess(path.join(import.meta.dirname, 'fake-engine-main.ts'));
