// The files that a run reads, as they were when it began: a run that is taken up again must find the same.
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { Recipe } from '../../contract/recipe.ts';
import { identityOf } from '../stages/open.ts';
import type { JobFolder } from './job-folder.ts';

const inputFile = z.object({ path: z.string(), bytes: z.number(), modified: z.string() });
type InputFile = z.infer<typeof inputFile>;

/** Notes the inputs of a run that begins; of one that is taken up again, checks them. @throws INPUTS_CHANGED with what changed */
export async function checkInputs({ checkpoints }: JobFolder, recipe: Recipe, isResumed: boolean): Promise<void> {
  const file = path.join(checkpoints, 'inputs.json');
  const now = await inputsOf(recipe);
  const before = isResumed ? await readInputs(file) : null;
  if (before) refuseChanges(before, now);
  await mkdir(checkpoints, { recursive: true });
  await writeFile(file, JSON.stringify(now));
}

async function readInputs(file: string): Promise<InputFile[] | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : z.array(inputFile).parse(JSON.parse(text));
}

/** @throws INPUTS_CHANGED */
function refuseChanges(before: readonly InputFile[], now: readonly InputFile[]): void {
  const changes = before.flatMap((was) => {
    const is = now.find(({ path: other }) => other === was.path);
    if (!is) return [`${was.path} is gone`];
    if (is.bytes !== was.bytes) return [`${was.path} had ${was.bytes} bytes and has ${is.bytes}`];
    return is.modified === was.modified ? [] : [`${was.path} was changed (${was.modified}, now ${is.modified})`];
  });
  const added = now.filter((is) => !before.some(({ path: other }) => other === is.path));
  changes.push(...added.map((is) => `${is.path} was added`));
  if (changes.length === 0) return;
  const message = `The run cannot go on, because what it works on is not the same any more: ${changes.join('; ')}. Start it anew: what was saved of a calibration is used again where it still holds.`;
  throw new AppError('INPUTS_CHANGED', message, { changes });
}

/** All files that the recipe names and that are there; what is missing is told when it is opened. */
async function inputsOf(recipe: Recipe): Promise<InputFile[]> {
  const models = [
    recipe.model,
    'against' in recipe ? recipe.against : null,
    'tokenizer' in recipe ? recipe.tokenizer : null,
  ];
  const named = [
    ...('calibration' in recipe ? recipe.calibration.texts : []),
    ...('evaluation' in recipe ? [recipe.evaluation.text] : []),
    ...('importance' in recipe ? [recipe.importance] : []),
    ...('scheduler' in recipe ? [recipe.scheduler] : []),
    ...('tasks' in recipe ? recipe.tasks : []),
  ];
  const found = await Promise.all([
    ...models.map((model) => (model === null ? [] : filesOfModel(model))),
    ...named.map(async (name) => (path.isAbsolute(name) ? fileAt(name) : [])),
  ]);
  return found.flat();
}

async function filesOfModel(model: string): Promise<InputFile[]> {
  const files = await identityOf(model).catch(() => []);
  return files.map(([place, bytes, mtimeMs]) => ({ path: place, bytes, modified: new Date(mtimeMs).toISOString() }));
}

async function fileAt(file: string): Promise<InputFile[]> {
  const found = await stat(file).catch(() => null);
  return found ? [{ path: file, bytes: found.size, modified: found.mtime.toISOString() }] : [];
}
