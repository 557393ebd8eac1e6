// Writes every run to the catalog. Where SQLite cannot be loaded or written, runs go on and say that they are not kept.
import type { JobSnapshot } from '../contract/job.ts';
import { AppError } from '../contract/errors.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { Recorder } from './jobs/queue.ts';

export interface CatalogRecorder extends Recorder {
  /** Why runs are not kept, or null. */
  problem: () => string | null;
}

export function catalogRecorder(opened: Catalog | AppError, versions: Record<string, string>): CatalogRecorder {
  let problem = opened instanceof AppError ? opened.message : null;
  const write = (action: (catalog: Catalog) => void): void => {
    if (opened instanceof AppError) return;
    try {
      action(opened);
    } catch (error) {
      problem = AppError.from(error).message;
    }
  };
  return {
    added: (snapshot: JobSnapshot) =>
      write((catalog) => catalog.add(snapshot.id, snapshot.recipe, snapshot.created, versions)),
    changed: (snapshot: JobSnapshot) => write((catalog) => catalog.update(snapshot.id, snapshot.job)),
    problem: () => problem,
  };
}
