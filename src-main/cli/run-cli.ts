// One run of the command line: arguments in, text or one JSON object out, an exit code back. It touches nothing global.
import path from 'node:path';
import type { CallOptions } from '../contract/define-api.ts';
import { AppError } from '../contract/errors.ts';
import type { JobResult } from '../contract/job.ts';
import type { Progress } from '../contract/progress.ts';
import type { Recipe } from '../contract/recipe.ts';
import { version } from '../contract/version.ts';
import type { Engine } from './engine-process.ts';
import { exitCodeOfError, exitCodes, type ExitCode } from './exit-codes.ts';
import { generalHelp, helpValue, usageLine, verbHelp } from './help.ts';
import { nearest } from './nearest.ts';
import type { OptionValues } from './options.ts';
import { parseOptions } from './parse-options.ts';
import { defaultProgressMode, progressDisplay, type ProgressDisplay } from './progress-display.ts';
import { hubFields } from './report/hub.ts';
import { preflightLines } from './report/preflight.ts';
import { printable, styleFor, type TextStream } from './report/style.ts';
import { fields } from './report/table.ts';
import { runJob } from './run-job.ts';
import { endingInTime, type RunningVerb } from './running-verb.ts';
import { verbs } from './verb-list.ts';
import type { Outcome, Session, Verb } from './verb.ts';

export interface CliSurroundings {
  /** Starts the engine; called at most once, and not at all for help or a usage error. */
  startEngine: () => Engine;
  stdout: TextStream;
  stderr: TextStream;
  environment: NodeJS.ProcessEnv;
  workingDirectory: string;
  /** Aborted when the user wants to stop. */
  signal: AbortSignal;
}

const verbNames = verbs.map((verb) => verb.name);

/** Runs the command line `args` (without node and script). Never throws. */
export async function runCli(args: string[], outside: CliSurroundings): Promise<ExitCode> {
  const { stdout, stderr, environment } = outside;
  const beforeTerminator = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  const json = beforeTerminator.some((argument) => argument === '--json' || argument.startsWith('--json='));
  try {
    const outcome = await perform(args, json, outside);
    const canvas = {
      style: styleFor(stdout, environment),
      width: stdout.isTTY === true ? stdout.columns || null : null,
    };
    stdout.write(json ? `${JSON.stringify(outcome.value)}\n` : lines(outcome.text(canvas)));
    return outcome.exitCode;
  } catch (thrown) {
    const error = AppError.from(thrown);
    if (json) stdout.write(`${JSON.stringify({ error: error.toShape() })}\n`);
    else stderr.write(lines([`${styleFor(stderr, environment).bad(`snug: ${error.code}:`)} ${error.message}`]));
    return exitCodeOfError(error.code);
  }
}

async function perform(args: string[], json: boolean, outside: CliSurroundings): Promise<Outcome> {
  const [name, ...rest] = args.filter((argument) => argument !== '--json');
  if (name === undefined)
    throw new AppError('USAGE', `A verb is missing. Verbs: ${verbNames.join(', ')}. snug --help tells more.`);
  if (name === '--version') return { value: { version }, text: () => [version], exitCode: exitCodes.done };
  if (name === '--help' || name === '-h' || name === 'help') return help(rest[0]);
  const verb = findVerb(name);
  const { operands, values } = parseOptions(verb.name, args.slice(args.indexOf(name) + 1), verb.options);
  if (values.help) return help(verb.name);
  const kind = verb.kinds ? kindOf(verb, verb.kinds, operands.shift() ?? verb.usualKind) : '';
  const words = verb.takesWords ? operands.splice(0) : [];
  const model = onlyModel(verb, operands);
  return runVerb(verb, { kind, model, words, values, json }, outside);
}

/** What a job's progress is told with. */
interface Telling {
  stories?: Record<string, string> | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

interface VerbCall {
  kind: string;
  model: string;
  words: string[];
  values: OptionValues;
  json: boolean;
}

async function runVerb(
  verb: Verb,
  { kind, model, words, values, json }: VerbCall,
  outside: CliSurroundings,
): Promise<Outcome> {
  const { stderr, environment, signal } = outside;
  const mode = values.progress ?? defaultProgressMode(stderr);
  const running: RunningVerb = {};
  const engine = (): Engine => (running.engine ??= outside.startEngine());
  const note = (text: string): void => {
    if (!json && mode !== 'none') stderr.write(lines([text]));
  };
  const follow = async (begin: () => Promise<{ id: string }>, telling: Telling = {}): Promise<JobResult> => {
    const { stories = {}, onProgress } = telling;
    const display = (running.display = progressDisplay(stderr, { mode, environment, stories: json ? {} : stories }));
    const show = (progress: Progress): void => {
      onProgress?.(progress);
      if (!running.hasPrinted) display.show(progress);
    };
    try {
      const onWaiting = (waitingFor: string): void => note(`Waiting for ${waitingFor}: one job computes at a time.`);
      const onBegun = (run: string): void => void (running.run = run);
      return await runJob(engine(), begin, { signal, onProgress: show, onBegun, onWaiting });
    } finally {
      display.end();
    }
  };
  const foretell = async (recipe: Recipe): Promise<void> => {
    if (!json && mode !== 'none' && mode !== 'json') (await foretold(engine(), recipe, signal)).forEach(note);
  };
  const session: Session = {
    engine,
    resolve: (file) => path.resolve(outside.workingDirectory, file),
    async runJob(recipe, stories, onProgress) {
      await foretell(recipe);
      const result = await follow(() => engine().call['jobs.start']({ recipe }), { stories, onProgress });
      if (result.verb !== recipe.verb)
        throw new AppError('INTERNAL', `The engine answered ${recipe.verb} with ${result.verb}.`);
      if ('hub' in result.value && result.value.hub) note(fields(hubFields(result.value.hub)).join('\n'));
      return result.value as never;
    },
    resumeJob: (id) => follow(() => engine().call['jobs.resume']({ id })),
    async cloneJob(recipe, clonedFrom) {
      await foretell(recipe);
      return follow(() => engine().call['jobs.start']({ recipe, clonedFrom }));
    },
    follow: (call) => followed(call, progressDisplay(stderr, { mode, environment, stories: {} }), signal),
    print(text) {
      if (json || text === '') return;
      // A bar and the text may share a terminal.
      running.display?.end();
      running.hasPrinted = true;
      outside.stdout.write(printable(text));
    },
    note,
  };
  return endingInTime(verb.run(model, values, session, { kind, words }), signal, running);
}

/** A call of the engine that shows its progress and ends where the user stops. */
async function followed<T>(
  call: (options: CallOptions<Progress>) => Promise<T>,
  display: ProgressDisplay,
  signal: AbortSignal,
): Promise<T> {
  try {
    return await call({ signal, onProgress: (progress) => display.show(progress) });
  } finally {
    display.end();
  }
}

/** What a job is expected to take, for people; one that cannot be foreseen is begun without. */
async function foretold(engine: Engine, recipe: Recipe, signal: AbortSignal): Promise<string[]> {
  const told = await engine.call['jobs.preflight']({ recipe }, { signal }).catch(() => null);
  return told ? preflightLines(told) : [];
}

function help(name: string | undefined): Outcome {
  const shown = name === undefined || name.startsWith('-') ? verbs : [findVerb(name)];
  const text = shown === verbs ? generalHelp(verbs) : shown.flatMap(verbHelp);
  return { value: helpValue(shown), text: () => text, exitCode: exitCodes.done };
}

function findVerb(name: string): Verb {
  const found = verbs.find((verb) => verb.name === name);
  if (found) return found;
  const list = `Verbs: ${verbNames.join(', ')}.`;
  if (name.startsWith('-'))
    throw new AppError('USAGE', `The verb comes first, before ${name}. ${list}`, { option: name });
  const near = nearest(name, verbNames);
  const hint = near === null ? '' : ` Did you mean ${near}?`;
  throw new AppError('USAGE', `There is no verb "${name}".${hint} ${list}`, {
    verb: name,
    nearest: near,
    verbs: verbNames,
  });
}

/** @throws USAGE with the words there are */
function kindOf(verb: Verb, kinds: readonly string[], word = ''): string {
  if (kinds.includes(word)) return word;
  const meant = nearest(word, kinds);
  const known = meant === null ? `It takes ${kinds.join(', ')}.` : `Did you mean ${meant}?`;
  const problem =
    word === '' ? `What to ${verb.name} is missing: ${usageLine(verb)}.` : `There is no ${verb.name} "${word}".`;
  throw new AppError('USAGE', `${problem} ${known}`, { argument: word });
}

function onlyModel(verb: Verb, operands: string[]): string {
  const surplus = operands[verb.takesModel ? 1 : 0];
  if (surplus !== undefined)
    throw new AppError('USAGE', `"${surplus}" is one argument too many: ${usageLine(verb)}.`, { argument: surplus });
  const [model = ''] = operands;
  if (verb.takesModel && model === '')
    throw new AppError('USAGE', `MODEL is missing: ${usageLine(verb)}.`, { argument: 'MODEL' });
  return model;
}

function lines(text: string[]): string {
  return text.length === 0 ? '' : `${printable(text.join('\n'))}\n`;
}
