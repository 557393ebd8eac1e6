// What of a run can be sent to other programs.
import type { Artifact } from '../../../src-main/contract/history.ts';
import type { JobResult } from '../../../src-main/contract/job.ts';
import type { ExportSource } from '../../../src-main/contract/runners.ts';
import { isHubAddress } from '../../../src-main/contract/hub-address.ts';

export interface ExportedRun {
  source: ExportSource;
  /** Programs take GGUF; other forms go into a folder. */
  isGguf: boolean;
}

const isGgufFile = (file: string): boolean => /\.gguf$/i.test(file);

/** Verbs whose files are no models that run. */
export const makesNoModel = (verb: string): boolean => verb === 'calibrate' || verb === 'study';

/** The model that a run made, as far as it is there; null where there is none. */
export function exportedRun(run: string, verb: string, artifacts: readonly Artifact[]): ExportedRun | null {
  const file = artifacts.find(({ present }) => present)?.path;
  return file === undefined || makesNoModel(verb) ? null : { source: { run }, isGguf: isGgufFile(file) };
}

/** A fit whose source fits as it is made no file: the source is what is used. */
export function fittingSource(result: JobResult | null, model: string): ExportedRun | null {
  const isSource = result?.verb === 'fit' && result.value.plan !== null && result.value.output === null;
  return isSource && isGgufFile(model) && !isHubAddress(model) ? { source: { file: model }, isGguf: true } : null;
}
