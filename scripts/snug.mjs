#!/usr/bin/env node
// The `snug` command of a checkout: makes the checkout ready, then runs the command line. Nothing is written to stdout here, except
// the error object that --json promises when the set-up itself fails.
import path from 'node:path';
import { prepare, root, SetupError, startOnNode24 } from './bootstrap.mjs';

/** npm starts scripts in the package's folder and names the user's in INIT_CWD: paths that the user typed belong to that one. */
function userFolder() {
  const movedByNpm = process.cwd() === root && process.env.INIT_CWD;
  return movedByNpm ? process.env.INIT_CWD : process.cwd();
}

try {
  prepare();
  startOnNode24(path.join(root, 'src-main/cli/main.ts'), process.argv.slice(2), userFolder());
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`snug: ${error.message}\n`);
  if (process.argv.includes('--json')) {
    const shape = { code: 'NATIVE_UNAVAILABLE', message: error.message, details: {} };
    process.stdout.write(`${JSON.stringify({ error: shape })}\n`);
  }
  process.exitCode = 1;
}
