// Recipes and results of studies, for tests.
import type { JobSnapshot } from '../../src-main/contract/job.ts';
import type { StudyKind } from '../../src-main/contract/recipe.ts';
import type { StudyResult } from '../../src-main/contract/study.ts';
import { quick, resultOf } from './engine.ts';
import { sampleModel } from './paths.ts';

/** Of the bundled sample, on little text. */
export const study = (kind: StudyKind, more: object = {}): object => ({
  ...{ verb: 'study', kind, model: sampleModel },
  ...quick,
  ...more,
});

/** The result of a study that was expected to succeed. */
export function studied<Kind extends StudyKind>(
  snapshot: JobSnapshot,
  kind: Kind,
): Extract<StudyResult, { kind: Kind }> {
  const result = resultOf(snapshot, 'study');
  if (result.kind !== kind) throw new Error(`expected a study of ${kind}, not ${result.kind}`);
  return result as never;
}
