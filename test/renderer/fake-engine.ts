// An engine for store tests: the contract's API over an in-process transport, answering what the test sets up.
import type { HandlersOf } from '../../src-main/contract/define-api.ts';
import { engineApi, type EngineApi } from '../../src-main/contract/engine-api.ts';
import type { JobEvent, JobSnapshot } from '../../src-main/contract/job.ts';
import type { Inspection } from '../../src-main/contract/model.ts';
import type { PlanList } from '../../src-main/contract/plan.ts';
import { recipe } from '../../src-main/contract/recipe.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { serve } from '../../src-main/rpc/server.ts';
import { transportPair, type Transport } from '../../src-main/rpc/transport.ts';
import type { EngineConnection } from '../../src-renderer/engine/connection.ts';
import type { EngineExit } from '../../src-main/contract/window-app.ts';
import { planFor } from '../support/plans.ts';

export interface FakeEngine {
  open: () => Promise<EngineConnection>;
  jobs: JobSnapshot[];
  cancelled: string[];
  send: (id: string, event: JobEvent) => void;
  /** The jobs that wait have this order now. */
  order: (waiting: string[]) => void;
  /** Ends as a killed process would. */
  die: (exit: EngineExit) => void;
  /** Refuses every job from now on. */
  refuseJobs: (error: Error) => void;
  /** Swallows the next event, so that the page sees a gap. */
  loseNextEvent: () => void;
}

export const inspection: Inspection = {
  path: '/models/sample.F16.gguf',
  format: 'gguf',
  architecture: 'llama',
  parameters: 6_800_000,
  fileBytes: 13_800_000,
  tensorTypes: { F16: 44, F32: 13 },
  config: {
    hiddenSize: 256,
    numHiddenLayers: 6,
    numAttentionHeads: 8,
    numKeyValueHeads: 4,
    headDim: 32,
    intermediateSize: 768,
    vocabSize: 4096,
    contextLength: 512,
    ropeTheta: 10_000,
    normEps: 1e-5,
    tiedEmbeddings: false,
  },
  tokenizer: null,
  can: {
    slicePerBlock: 'not yet',
    sliceShared: 'not yet',
    prune: 'not yet',
    dropLayers: 'not yet',
    importance: true,
    quantize: true,
  },
  widths: null,
  repository: null,
  experts: null,
  warnings: [],
};

const GiB = 2 ** 30;

export const planList: PlanList = {
  target: { kind: 'memory', bytes: 24 * GiB, context: 4096, kvType: 'f16', reserveBytes: GiB },
  verdict: 'Fits with q5_k_m, with 1.21 GiB to spare.',
  best: 'q5_k_m',
  plans: [
    planFor('q5_k_m', { totalBytes: Math.round(22.8 * GiB), kld: 0.006 }),
    planFor('q4_k_m', { totalBytes: 19 * GiB, kld: 0.02 }),
    planFor('source', { totalBytes: 60 * GiB, kld: 0, fits: false }),
  ],
  sliceRefusal: null,
  warnings: [],
};

export function fakeEngine(handlers: Partial<HandlersOf<EngineApi>> = {}): FakeEngine {
  const [page, engine] = transportPair();
  const jobs: JobSnapshot[] = [];
  const cancelled: string[] = [];
  let losesNext = false;
  let refusal: Error | null = null;
  const lossy: Transport = {
    ...plain(engine),
    send(message) {
      const isLost = losesNext && (message as { kind: string }).kind === 'event';
      if (isLost) losesNext = false;
      else engine.send(message);
    },
  };
  const server = serve(
    engineApi,
    {
      ...answers(jobs, cancelled, (job) => {
        if (refusal) throw refusal;
        server.emit('jobs.added', job);
      }),
      ...handlers,
    },
    lossy,
  );
  const { promise: ended, resolve: die } = Promise.withResolvers<EngineExit>();
  const transport: Transport = {
    ...plain(page),
    onClose: (listener) => void ended.then(({ reason }) => listener(reason)),
  };
  return {
    open: () => Promise.resolve({ client: connect(engineApi, transport), ended }),
    jobs,
    cancelled,
    order: (waiting) => server.emit('jobs.ordered', { waiting }),
    send: (id, event) => server.emit('jobs.changed', { id, event }),
    die,
    refuseJobs: (error) => (refusal = error),
    loseNextEvent: () => (losesNext = true),
  };
}

function plain(transport: Transport): Transport {
  return {
    send: (message) => transport.send(message),
    onMessage: (listener) => transport.onMessage(listener),
    onClose: (listener) => transport.onClose(listener),
    close: () => transport.close(),
  };
}

function answers(jobs: JobSnapshot[], cancelled: string[], added: (job: JobSnapshot) => void): HandlersOf<EngineApi> {
  const find = (id: string): JobSnapshot => jobs.find((job) => job.id === id)!;
  return {
    inspect: () => inspection,
    texts: () => ({ texts: [] }),
    devices: () => ({
      devices: [],
      llama: null,
      onnxProviders: [],
      providers: [],
      provider: null,
      gpus: [],
      missing: [],
    }),
    installCuda: () => ({ folder: '', files: [] }),
    sample: () => ({ model: inspection.path }),
    'jobs.start': ({ recipe: wanted }) => {
      const job: JobSnapshot = {
        id: `job-${jobs.length + 1}`,
        recipe: recipe.parse(wanted),
        created: '2026-01-01T00:00:00Z',
        job: { state: 'queued' },
      };
      added(job);
      jobs.push(job);
      return { id: job.id };
    },
    'jobs.preflight': () => ({
      ...{ seconds: null, stages: {}, peakMemoryBytes: 5, disks: [], problems: [], warnings: [] },
    }),
    'jobs.list': () => ({ jobs: [...jobs], waiting: [] }),
    'jobs.get': ({ id }) => find(id),
    'jobs.cancel': ({ id }) => {
      cancelled.push(id);
      return find(id);
    },
  } satisfies Partial<HandlersOf<EngineApi>> as unknown as HandlersOf<EngineApi>;
}
