/** A value to pick in a field instead of typing it. */
export interface Suggestion {
  value: string;
  /** What it is, beside it. */
  note?: string;
}
