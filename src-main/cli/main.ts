// Entry of the command line.
import { engineFile } from './engine-process.ts';
import { runProcess } from './run-process.ts';

await runProcess(engineFile());
