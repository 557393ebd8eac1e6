// The files of plans that were listed, so that a run that names one is foreseen with its exact bytes.
import type { NamedFile } from '../core/planning/job-work.ts';
import { sampledHash } from './library/model-hash.ts';

/** Models whose plans are remembered: one is looked at, a few are gone back to. */
const mostModels = 8;

export class KnownPlans {
  /** By the hash of a model, then by the name of a plan; the one noted last is the last. */
  readonly #files = new Map<string, ReadonlyMap<string, NamedFile>>();

  note(modelHash: string, files: ReadonlyMap<string, NamedFile>): void {
    const earlier = this.#files.get(modelHash);
    this.#files.delete(modelHash);
    this.#files.set(modelHash, new Map([...(earlier ?? []), ...files]));
    if (this.#files.size > mostModels) this.#files.delete(this.#files.keys().next().value!);
  }

  /** null where this very model was not planned, or has no such plan. */
  async file(model: string, plan: string): Promise<NamedFile | null> {
    if (this.#files.size === 0) return null;
    const { hash } = await sampledHash(model);
    return this.#files.get(hash)?.get(plan) ?? null;
  }
}
