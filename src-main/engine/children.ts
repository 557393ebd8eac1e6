// The two kinds of children and how a job uses them: one worker per job, one throw-away llama host per duty.
import type { ClientOf } from '../contract/define-api.ts';
import { AppError } from '../contract/errors.ts';
import { llamaHostApi, type LlamaHostApi } from '../contract/llama-host-api.ts';
import { workerApi, type WorkerApi } from '../contract/worker-api.ts';
import { startChild, type Child, type ChildKind } from './child.ts';
import type { Folders } from './folders.ts';

export type LlamaClient = ClientOf<LlamaHostApi>;
export type WorkerClient = ClientOf<WorkerApi>;

/** cuBLAS would round the factors of float32 products to 10 bits (TF32) on newer cards; NVIDIA's libraries read this. */
const exactProducts = { NVIDIA_TF32_OVERRIDE: '0' };

/** Time that a worker gets to drop its half-written file after a cancel; what follows has to end before the command line's own limit (cli/running-verb.ts). */
const cancelGraceMs = 1000;

export class Children {
  private readonly llamaKind: ChildKind<LlamaHostApi>;
  private readonly workerKind: ChildKind<WorkerApi>;

  constructor(entries: Folders['entries']) {
    this.llamaKind = { api: llamaHostApi, entry: entries.llamaHost, crashed: llamaCrashed };
    this.workerKind = { api: workerApi, entry: entries.worker, crashed: workerCrashed, env: exactProducts };
  }

  /** Runs one duty in a fresh llama host and ends it; a cancel kills it. */
  async llama<T>(signal: AbortSignal, duty: (client: LlamaClient) => Promise<T>): Promise<T> {
    const host = startChild(this.llamaKind);
    return untilAborted(signal, host, 0, duty);
  }

  /** Runs one task in a fresh worker and ends it; a cancel gives it time to clean up. */
  async worker<T>(signal: AbortSignal, task: (client: WorkerClient, log: () => string[]) => Promise<T>): Promise<T> {
    const worker = startChild(this.workerKind);
    return untilAborted(signal, worker, cancelGraceMs, task);
  }
}

async function untilAborted<Api extends LlamaHostApi | WorkerApi, T>(
  signal: AbortSignal,
  child: Child<Api>,
  graceMs: number,
  work: (client: ClientOf<Api>, log: () => string[]) => Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(child.kill, graceMs);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await work(child.call, child.log);
  } catch (error) {
    throw signal.aborted ? new AppError('CANCELLED', 'Cancelled.') : error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
    child.kill();
  }
}

function llamaCrashed(reason: string, log: string[]): AppError {
  const last = log.findLast((line) => line.trim() !== '') ?? 'it said nothing';
  return new AppError('LLAMA_CRASHED', `llama.cpp ended unexpectedly (${reason}). Its last words: ${last.trim()}`, {
    reason,
    log,
  });
}

function workerCrashed(reason: string, log: string[]): AppError {
  const memory = /SIGKILL/.test(reason) ? ' The system may have run out of memory.' : '';
  return new AppError('WORKER_CRASHED', `The worker process ended unexpectedly (${reason}).${memory}`, { reason, log });
}
