// Runs side by side: the settings in which they differ, and what was measured.
import { experiment, type Comparison, type ExperimentDetail } from '../../contract/history.ts';
import { recipe } from '../../contract/recipe.ts';

export function compareRuns(runs: readonly ExperimentDetail[]): Comparison {
  return { runs: runs.map((run) => experiment.parse(run)), differences: differencesOf(runs), metrics: metricsOf(runs) };
}

function differencesOf(runs: readonly ExperimentDetail[]): Comparison['differences'] {
  const settings = runs.map(
    ({ recipe: kept, device, modelHash, versions }) =>
      new Map([...flattened(complete(kept)), ...flattened({ device, modelHash, versions })]),
  );
  const names = new Set(settings.flatMap((setting) => [...setting.keys()]));
  names.delete('force'); // consent to replace a file, which decides nothing of what is made
  return [...names].flatMap((setting) => {
    const values = settings.map((one) => one.get(setting) ?? null);
    const isSame = values.every((value) => JSON.stringify(value) === JSON.stringify(values[0]));
    return isSame ? [] : [{ setting, values }];
  });
}

/** With what an older Snug did without a setting for it; as it was kept where this one does not know its like. */
const complete = (kept: ExperimentDetail['recipe']): ExperimentDetail['recipe'] => recipe.safeParse(kept).data ?? kept;

/** Leaves of an object by dotted names; arrays are leaves. */
function flattened(value: Readonly<Record<string, unknown>>, prefix = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([key, part]): [string, unknown][] => {
    const name = `${prefix}${key}`;
    const isGroup = part !== null && typeof part === 'object' && !Array.isArray(part);
    return isGroup ? flattened(part as Record<string, unknown>, `${name}.`) : [[name, part]];
  });
}

function metricsOf(runs: readonly ExperimentDetail[]): Comparison['metrics'] {
  const keys = new Map(
    runs.flatMap(({ allMetrics }) => allMetrics.map(({ name, context }) => [`${name}\n${context}`, { name, context }])),
  );
  return [...keys.values()].map(({ name, context }) => ({
    name,
    context,
    values: runs.map(({ allMetrics }) => {
      const found = allMetrics.find((one) => one.name === name && one.context === context);
      return found ? { value: found.value, standardError: found.standardError } : null;
    }),
  }));
}
