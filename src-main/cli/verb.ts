// What a verb is: its words for the help, the options it takes, and what it does.
import type { CallOptions } from '../contract/define-api.ts';
import type { JobResult } from '../contract/job.ts';
import type { Progress } from '../contract/progress.ts';
import type { Recipe } from '../contract/recipe.ts';
import type { ExitCode } from './exit-codes.ts';
import type { OptionName, OptionValues } from './options.ts';
import type { Surroundings } from './recipe-parts.ts';
import type { Canvas } from './report/style.ts';

/** The result of a verb: the JSON object of `--json`, or the same as text. */
export interface Outcome {
  value: object;
  /** Lines; none where all was printed already. */
  text: (canvas: Canvas) => string[];
  exitCode: ExitCode;
}

type ResultOfVerb<Name extends JobResult['verb']> = Extract<JobResult, { verb: Name }>['value'];

export interface Session extends Surroundings {
  /**
   * Runs a job to its end, with progress on stderr. `stories` explain its stages as they start; `onProgress` is told the
   * same as the user.
   */
  runJob<Name extends Recipe['verb']>(
    recipe: Extract<Recipe, { verb: Name }>,
    stories?: Record<string, string>,
    onProgress?: (progress: Progress) => void,
  ): Promise<ResultOfVerb<Name>>;
  /** Takes up a run that was stopped and follows it to its end. */
  resumeJob(id: string): Promise<JobResult>;
  /** Begins a run from another one's recipe and follows it to its end. */
  cloneJob(recipe: Recipe, clonedFrom: string): Promise<JobResult>;
  /** Makes a call of the engine that takes its time: with progress on stderr, and cancelled where the user stops. */
  follow<T>(call: (options: CallOptions<Progress>) => Promise<T>): Promise<T>;
  /** Writes a part of the result's text on stdout before it is complete; nothing with --json. Progress stays silent from then on. */
  print(text: string): void;
  /** Says something to people on stderr; nothing with --json. */
  note(text: string): void;
}

/** Words behind a verb's name. */
export interface Written {
  /** One of the verb's `kinds`. */
  kind: string;
  /** Where it `takesWords`. */
  words: string[];
}

export interface Verb {
  name: string;
  /** One line of the list of verbs. */
  summary: string;
  /** What follows the name in its usage line. */
  usage: string;
  /** Words of which one stands first. */
  kinds?: readonly string[];
  /** The word that is meant where none is written. */
  usualKind?: string;
  /** Whether it takes a MODEL. */
  takesModel: boolean;
  /** Whether it takes other words: names of runs, a tag. */
  takesWords?: true;
  options: readonly OptionName[];
  examples: string[];
  /** @param model as written; empty where the verb takes none */
  run(model: string, values: OptionValues, session: Session, written: Written): Promise<Outcome>;
}
