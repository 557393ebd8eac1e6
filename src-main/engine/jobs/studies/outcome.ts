import type { StudyResult, StudyRow } from '../../../contract/study.ts';

/** What a study hands back beside what all have in common. */
export interface Outcome<Row extends StudyRow> extends Pick<
  StudyResult,
  'skipped' | 'calibration' | 'shared' | 'type'
> {
  rows: Row[];
}
