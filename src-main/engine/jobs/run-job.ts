// One attempt at a job: its folder, its log, its context; what an earlier attempt finished is used. What comes of it is
// written down beside the file it made.
import { AppError } from '../../contract/errors.ts';
import type { JobResult } from '../../contract/job.ts';
import type { PlanList } from '../../contract/plan.ts';
import type { Recipe } from '../../contract/recipe.ts';
import { withKnownLosses } from '../../core/planning/measured-plans.ts';
import type { Children } from '../children.ts';
import type { Providers } from '../devices/providers.ts';
import type { Folders } from '../folders.ts';
import type { KnownPlans } from '../known-plans.ts';
import type { MachineService } from '../machine.ts';
import { preflight, refuseProblems, type Flight } from '../preflight.ts';
import type { UserSettings } from '../user-settings.ts';
import type { System } from '../system.ts';
import { knownLosses } from '../library/known-losses.ts';
import { sampledHash } from '../library/model-hash.ts';
import { writeRecord } from '../library/run-records.ts';
import type { CatalogRecorder } from '../recorder.ts';
import { withContext, type JobContext } from './context.ts';
import { clearJobFolder, openJobFolder, outputNotePath, type Unswept } from './job-folder.ts';
import { openJobLog } from './job-log.ts';
import type { RefuseEarly, RunRecipe } from './queue-parts.ts';
import { hasNamedOutput } from './own-output.ts';
import { refuseRelativePaths } from './recipe-paths.ts';
import { checkInputs, keepChecksums, refuseChanged } from './run-inputs.ts';
import { refuseEarly, runRecipe } from './run-recipe.ts';

interface RunnerParts {
  folders: Folders;
  children: Children;
  providers: Providers;
  versions: Record<string, string>;
  recorder: CatalogRecorder;
  machine: MachineService;
  settings: UserSettings;
  system: System;
  plans: KnownPlans;
}

/** Refuses what a queue's job will not get its turn for. */
export const earlyRefusal =
  (home: string): RefuseEarly =>
  async ({ run, recipe, isResumed }) =>
    refuseEarly((await takenUp(outputNotePath(home, run), recipe, isResumed)).recipe);

/** How a run goes on: where it gave its output's name before, that the name is taken is no reason to refuse it. */
async function takenUp(
  note: string,
  recipe: Recipe,
  isResumed: boolean,
): Promise<{ isNamed: boolean; recipe: Recipe }> {
  const isNamed = isResumed && (await hasNamedOutput(note, recipe));
  return { isNamed, recipe: isNamed ? ({ ...recipe, force: true } as Recipe) : recipe };
}

/** Does the jobs of a queue. */
export function jobRunner(parts: RunnerParts): RunRecipe {
  const { folders, children, providers, versions, recorder, machine, settings } = parts;
  return async ({ run, recipe, created, isResumed, signal, report, measured }) => {
    refuseRelativePaths(recipe); // of one that waits for no turn
    const folder = await openJobFolder(folders.home, run);
    const log = openJobLog(folder.log);
    log.write('start', { run, recipe, isResumed, versions });
    const { isNamed, recipe: working } = await takenUp(folder.outputNote, recipe, isResumed);
    const logged = log.reporting(report);
    let done: JobResult | null = null;
    const over = new AbortController();
    let checksums = Promise.resolve();
    try {
      const inputs = await checkInputs(folder, recipe, { isResumed, signal, report: logged });
      const before = isResumed ? recorder.modelHash(run) : null;
      const modelHash = await noteModel(recorder, { run, model: recipe.model, before });
      const { threads } = recipe;
      let flight = await preflight(parts, recipe, { signal, mayMeasure: true });
      refuseProblems(flight.preflight);
      const known = { folders, children, providers, machine: machine.known(), preferences: settings.read() };
      const options = { run, folder, signal, threads, isNamed, ...known, report: logged, measured };
      const result = await withContext(options, async (context) => {
        checksums = keepChecksums(folder, inputs.files, over.signal);
        if (inputs.startedOver !== null) context.warnings.push(inputs.startedOver);
        if (inputs.isUnknown && before !== null) context.warnings.push(withoutRecord);
        const warn = (): number => context.warnings.push(...flight.preflight.problems.map(({ message }) => message));
        warn();
        const made = await runRecipe(context, working, async (local, downloadBytes) => {
          flight = await preflight(parts, local, { signal, downloadBytes, mayMeasure: true });
          refuseProblems(flight.preflight);
          if (downloadBytes === 0) warn();
        });
        const isPlanned = recipe.verb === 'plan' || recipe.verb === 'fit';
        if (modelHash !== null && isPlanned) parts.plans.note(modelHash, recipe, context.planned);
        // A list of plans tells their costs by what was known before it: it must not change what is known.
        if (!isResumed && recipe.verb !== 'plan') learnFrom(machine, flight, context);
        await keepRecord(context, { recipe, created, result: made, versions });
        return made.verb === 'plan' ? { ...made, value: withHistory(made.value, modelHash, recorder) } : made;
      });
      done = result;
      log.write('done', { warnings: result.value.warnings });
      return result;
    } catch (error) {
      const failure = AppError.from(error);
      log.write(failure.code === 'CANCELLED' ? 'stopped' : 'failed', {
        error: failure.toShape(),
        stack: failure.stack,
      });
      throw error;
    } finally {
      over.abort();
      await checksums;
      for (const unswept of await clearJobFolder(folder, done !== null)) {
        log.write('unswept', { ...unswept });
        done?.value.warnings.push(notCleared(unswept));
      }
    }
  };
}

const notCleared = ({ path, message }: Unswept): string =>
  `The run needs ${path} no more, and it could not be removed: ${message}`;

/** What stages took, for later estimates. */
function learnFrom(machine: MachineService, { estimate }: Flight, { seconds, shortened }: JobContext): void {
  if (!estimate) return;
  const whole = Object.fromEntries(Object.entries(seconds).filter(([stage]) => !shortened.has(stage)));
  try {
    machine.learn(estimate, whole);
  } catch {
    // A catalog that cannot be written: the recorder's warning says so.
  }
}

const withoutRecord =
  'What the run knew of its inputs is gone (it is kept for 30 days): the run started over, and only a sample of the model was compared with that of before.';

/** Its hash; null for a model that cannot be read, which is told when it is opened. @throws INPUTS_CHANGED where it was another one `before` */
async function noteModel(
  recorder: CatalogRecorder,
  { run, model, before }: { run: string; model: string; before: string | null },
): Promise<string | null> {
  const found = await sampledHash(model).catch(() => null);
  if (!found) return null;
  if (before !== null && before !== found.hash) refuseChanged([`the content of ${model} was changed`]);
  recorder.modelFound(run, { path: model, ...found });
  return found.hash;
}

/** Plans with what earlier runs measured of this very model. */
const withHistory = (list: PlanList, modelHash: string | null, recorder: CatalogRecorder): PlanList =>
  modelHash === null ? list : withKnownLosses(list, recorder.measuring(modelHash).flatMap(knownLosses));

interface Kept {
  recipe: Recipe;
  created: string;
  result: JobResult;
  versions: Record<string, string>;
}

/** The record beside what was made; a model without it is no worse, so that a failure is only told. */
async function keepRecord(context: JobContext, { recipe, created, result, versions }: Kept): Promise<void> {
  const { value } = result;
  if (!('output' in value) || value.output === null) return;
  const { run } = context;
  const { output } = value;
  // A fit whose source fits as it is made nothing: what lies there is the user's own.
  if (!('output' in recipe) || recipe.output !== output) return;
  const finished = new Date().toISOString();
  const record = { run, recipe, created, finished, versions, result: value };
  await writeRecord(context.folders.home, output, record).catch((error: unknown) => {
    context.warnings.push(
      `The record of this run could not be written beside ${output}: ${AppError.from(error).message}`,
    );
  });
}
