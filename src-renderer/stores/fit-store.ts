// The Fit area: which model is open, what it has to fit into, the plans for that. stores/make-store.ts goes on from there.
// States of jobs come from the jobs store; here are only their ids and the user's choices.
import { defineStore } from 'pinia';
import { computed, reactive, shallowRef } from 'vue';
import type { z } from 'zod';
import { AppError, type ErrorShape } from '../../src-main/contract/errors.ts';
import { hasEnded, type JobSnapshot } from '../../src-main/contract/job.ts';
import type { Plan, PlanList } from '../../src-main/contract/plan.ts';
import { planRecipe } from '../../src-main/contract/recipe.ts';
import { smallestOfUse } from '../features/plans/plan-view.ts';
import {
  firstContext,
  newTargetDraft,
  readDraft,
  type TargetDraft,
  type TargetInput,
} from '../features/target/target-draft.ts';
import { useEngineStore } from './engine-store.ts';
import { useJobsStore } from './jobs-store.ts';
import { useOpenedModel } from './opened-model.ts';

/** What plans are asked for, of the open model. */
export interface PlanQuestion extends Pick<z.input<typeof planRecipe>, 'methods' | 'orientation'> {
  target: TargetInput;
}

/** The same for the same plans, however it is written. */
function keyOf(question: PlanQuestion): string {
  const { target, methods, orientation } = planRecipe.parse({ ...question, verb: 'plan', model: '' });
  return JSON.stringify([target, methods, orientation]);
}

export const useFitStore = defineStore('fit', () => {
  const jobs = useJobsStore();
  const { model, reading, read, stopReading } = useOpenedModel();
  const draft = reactive(newTargetDraft());
  /** Plan jobs of the open model, newest first: while one runs, the plans of the one before stay in view. */
  const planIds = shallowRef<string[]>([]);
  const chosenId = shallowRef<string | null>(null);
  /** A request that was refused: not the failure of a job, which is the job's state. */
  const refusal = shallowRef<ErrorShape | null>(null);

  const readTarget = computed(() => readDraft(draft));
  const planJobs = computed(() => planIds.value.map((id) => jobs.jobs.get(id)).filter((job) => job !== undefined));
  const planning = computed(() => planJobs.value[0]?.job ?? null);
  const plans = computed(() => planJobs.value.map(finishedPlans).find((list) => list !== null) ?? null);
  const chosen = computed(() => (plans.value === null ? null : chosenOf(plans.value, chosenId.value)));

  /** With what is to be in the form then. Answers whether it is open now; else the open one stays, with its target and plans. */
  const open = (file: string, wanted: Partial<TargetDraft> = {}): Promise<boolean> =>
    read(file, ({ config }) => {
      close();
      Object.assign(draft, { context: firstContext(config.contextLength) }, wanted);
    });

  /** Asks for a model file and opens it. */
  async function choose(): Promise<void> {
    const path = await window.app.chooseModel();
    if (path !== null) await open(path);
  }

  /** Asks for a model's folder and opens it. */
  async function chooseFolder(): Promise<void> {
    const path = await window.app.chooseModelFolder();
    if (path !== null) await open(path);
  }

  /** Opens the bundled sample, with a target that is as tight for it as 24 GB are for a big model. */
  async function openSample(): Promise<void> {
    await refusable(async () => {
      const sample = await useEngineStore().connected().call.sample({});
      await open(sample.model, sampleTarget);
    });
  }

  function close(): void {
    for (const job of planJobs.value) if (!hasEnded(job.job)) void jobs.cancel(job.id).catch(() => {});
    model.value = { state: 'none' };
    reading.value = null;
    planIds.value = [];
    chosenId.value = null;
    refusal.value = null;
  }

  /** Whether the newest question for plans is this one: coming back to the page asks nothing again. */
  function isPlannedFor(question: PlanQuestion): boolean {
    const newest = planJobs.value[0];
    const isAsked = newest?.recipe.verb === 'plan' && keyOf(newest.recipe) === keyOf(question);
    return isAsked && (!hasEnded(newest.job) || newest.job.state === 'done');
  }

  /** Asks for plans; a question before it that still runs is withdrawn. */
  async function plan({ target, methods, orientation }: PlanQuestion): Promise<void> {
    if (model.value.state !== 'open') return;
    if (plans.value !== null && plans.value.target.kind !== target.kind) chosenId.value = null; // another question altogether
    const [newest] = planJobs.value;
    if (newest && !hasEnded(newest.job)) void jobs.cancel(newest.id).catch(() => {});
    const { path } = model.value;
    await refusable(async () => {
      const id = await jobs.start({ verb: 'plan', model: path, target, methods, orientation });
      planIds.value = [id, ...planIds.value];
    });
  }

  /** After a restart of the engine: its jobs are gone, the model is read again. */
  async function resume(): Promise<void> {
    if (model.value.state === 'none') return;
    const { path } = model.value;
    close();
    await open(path);
  }

  /** Does what may be refused, and keeps the refusal for the page. */
  async function refusable(action: () => Promise<void>): Promise<void> {
    refusal.value = null;
    try {
      await action();
    } catch (error) {
      refusal.value = AppError.from(error).toShape();
    }
  }

  const state = { model, reading, draft, chosenId, refusal, readTarget, planning, plans, chosen };
  return {
    ...state,
    open,
    choose,
    chooseFolder,
    openSample,
    isPlannedFor,
    close,
    stopReading,
    plan,
    resume,
    refusable,
  };
});

const sampleTarget = { kind: 'memory', card: '24 MiB', reserve: '4 MiB' } as const;

function finishedPlans({ job }: JobSnapshot): PlanList | null {
  return job.state === 'done' && job.result.verb === 'plan' ? job.result.value : null;
}

function chosenOf(list: PlanList, id: string | null): Plan | null {
  const find = (wanted: string | null): Plan | undefined => list.plans.find((plan) => plan.id === wanted);
  return find(id) ?? find(list.best) ?? smallestOfUse(list) ?? null;
}
