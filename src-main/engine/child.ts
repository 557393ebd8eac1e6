// Child processes of the engine: a worker for tensor arithmetic, llama hosts for everything llama.cpp does.
// Both may die at any moment; that is an error of the call that was running, never of the engine.
import { fork, type ChildProcess } from 'node:child_process';
import type { ApiDefinition, ClientOf } from '../contract/define-api.ts';
import type { AppError } from '../contract/errors.ts';
import { connect } from '../rpc/client.ts';
import { childTransport } from '../rpc/node-child.ts';

/** Lines of a child's log that are kept to explain its end. */
const keptLogLines = 30;

export interface Child<Api extends ApiDefinition> {
  call: ClientOf<Api>;
  /** The last lines that it wrote for people. */
  log: () => string[];
  /** Ends the process at once. */
  kill: () => void;
}

export interface ChildKind<Api extends ApiDefinition> {
  api: Api;
  entry: string;
  /** Added to its environment. */
  env?: Record<string, string>;
  /** The error of calls that were open when the process ended. */
  crashed: (reason: string, log: string[]) => AppError;
}

/** Starts a child; its calls fail with `kind.crashed` when it ends before they do. */
export function startChild<Api extends ApiDefinition>(kind: ChildKind<Api>): Child<Api> {
  const child = fork(kind.entry, [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: {
      ...process.env,
      GGML_NO_BACKTRACE: '1', // an abort would else start a debugger
      HF_TOKEN: undefined, // the engine alone speaks to a hub
      ORT_DISABLE_TELEMETRY: '1', // onnxruntime's packages send their maker what runs in them, since 1.29
      ...(process.versions['electron'] ? { ELECTRON_RUN_AS_NODE: '1' } : {}),
      ...kind.env,
    },
  });
  living.add(child);
  child.once('exit', () => living.delete(child));
  const log = lastLines(child);
  const transport = childTransport(child);
  const { call } = connect(kind.api, transport, { closedError: (reason) => kind.crashed(reason, log()) });
  return { call, log, kill: () => child.kill('SIGKILL') };
}

const living = new Set<ChildProcess>();

/** Ends every child; for the end of the engine. */
export function killChildren(): void {
  for (const child of living) child.kill('SIGKILL');
}

function lastLines(child: ChildProcess): () => string[] {
  let text = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (chunk: string) => {
    text = (text + chunk).slice(-20_000);
  });
  return () => text.trimEnd().split('\n').slice(-keptLogLines);
}
