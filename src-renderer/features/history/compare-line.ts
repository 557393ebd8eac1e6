// A line of a table that has a column for every run.
export interface CompareLine {
  name: string;
  /** What it was measured with, as the engine says it; empty for what is counted. */
  context?: string;
  /** One each; null where a run has none. */
  values: readonly (string | null)[];
  /** Place of the value that is best, where one is. */
  best?: number | undefined;
}
