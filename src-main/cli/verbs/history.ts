// snug history: what was run, what came of it, and what to do with it.
import { AppError } from '../../contract/errors.ts';
import { csvOf } from '../../contract/history-csv.ts';
import { historyFilter, type Experiment, type HistoryFilter } from '../../contract/history.ts';
import { withPaths } from '../../contract/recipe-paths.ts';
import { recipe as recipeSchema } from '../../contract/recipe.ts';
import { exitCodes } from '../exit-codes.ts';
import { everywhere, type OptionName, type OptionValues } from '../options.ts';
import { outcomeOf } from '../outcomes.ts';
import { forbid } from '../recipe-parts.ts';
import { describeComparison, describeDeleted, describeDetail, describeList } from '../report/history.ts';
import type { Canvas } from '../report/style.ts';
import type { Outcome, Session, Verb } from '../verb.ts';

const filterOptions = ['verb', 'state', 'tag', 'search', 'limit'] as const satisfies OptionName[];
const otherOptions = ['set', 'format', 'remove'] as const satisfies OptionName[];

type Words = string[];

interface Kind {
  /** Behind the word. */
  usage: string;
  /** Fewest and most words. */
  words: [number, number];
  options: readonly OptionName[];
  run(session: Session, words: Words, values: OptionValues): Promise<Outcome>;
}

/** Runs of one page when all are read. */
const pageSize = 1000;
const usualLimit = 20;

const kinds: Record<string, Kind> = {
  list: {
    usage: '',
    words: [0, 0],
    options: filterOptions,
    async run(session, _words, values) {
      const list = await session.engine().call['history.list'](filterOf(values));
      return outcome(list, (canvas) => describeList(list, canvas));
    },
  },
  show: {
    usage: 'ID',
    words: [1, 1],
    options: [],
    async run(session, [run]) {
      const detail = await session.engine().call['history.get']({ run: run! });
      return outcome(detail, (canvas) => describeDetail(detail, canvas));
    },
  },
  compare: {
    usage: 'ID ID …',
    words: [2, Infinity],
    options: [],
    async run(session, runs) {
      const compared = await session.engine().call['history.compare']({ runs });
      return outcome(compared, (canvas) => describeComparison(compared, canvas));
    },
  },
  clone: {
    usage: 'ID --set KEY=VALUE',
    words: [1, 1],
    options: ['set'],
    async run(session, [run], { set = [] }) {
      const settings = Object.fromEntries(set.map(settingOf));
      const cloned = await session.engine().call['history.clone']({ run: run!, set: settings });
      // Paths that were written here are meant from here.
      const isSet = (setting: string): boolean =>
        Object.keys(settings).some((name) => name === setting || setting.startsWith(`${name}.`));
      const recipe = withPaths(recipeSchema.parse(cloned.recipe), (file, setting) =>
        isSet(setting) ? session.resolve(file) : file,
      );
      return outcomeOf(await session.cloneJob(recipe, run!), recipe);
    },
  },
  tag: {
    usage: 'ID TAG',
    words: [2, 2],
    options: ['remove'],
    async run(session, [run, tag], { remove = false }) {
      const changed = await session.engine().call['history.tag']({ run: run!, tag: tag!, remove });
      const tags = changed.tags.length === 0 ? 'no tags' : changed.tags.join(', ');
      return outcome(changed, () => [`${changed.run}: ${tags}`]);
    },
  },
  note: {
    usage: 'ID TEXT',
    words: [2, 2],
    options: [],
    async run(session, [run, text]) {
      const changed = await session.engine().call['history.note']({ run: run!, note: text! });
      return outcome(changed, () => [`${changed.run}: ${changed.note}`]);
    },
  },
  'delete-files': {
    usage: 'ID',
    words: [1, 1],
    options: [],
    async run(session, [run]) {
      const deleted = await session.follow((options) =>
        session.engine().call['history.deleteFiles']({ run: run! }, options),
      );
      return {
        ...outcome(deleted, (canvas) => describeDeleted(deleted, canvas)),
        exitCode: deleted.kept.length > 0 ? exitCodes.failed : exitCodes.done,
      };
    },
  },
  export: {
    usage: '--format csv|json',
    words: [0, 0],
    options: ['format', ...filterOptions],
    async run(session, _words, values) {
      const experiments = await all(session, values);
      const { format = 'csv' } = values;
      const text = (): string[] => (format === 'csv' ? csvOf(experiments) : [JSON.stringify({ experiments }, null, 2)]);
      return outcome({ experiments }, text);
    },
  },
};

export const history: Verb = {
  name: 'history',
  summary: 'list, show, compare and repeat what was run',
  usage: `[${Object.entries(kinds)
    .map(([name, { usage }]) => `${name} ${usage}`.trim())
    .join(' | ')}]`,
  kinds: Object.keys(kinds),
  usualKind: 'list',
  takesModel: false,
  takesWords: true,
  options: [...filterOptions, ...otherOptions, ...everywhere],
  examples: [
    'snug history --verb fit --limit 5',
    'snug history show 3f2a91c07b5d',
    'snug history compare 3f2a91c07b5d 90bb41d2e6aa',
    'snug history clone 3f2a91c07b5d --set calibration.samples=256 --set output=better.gguf',
    'snug history export --format csv > runs.csv',
  ],
  async run(_model, values, session, { kind: name, words }) {
    const kind = kinds[name]!;
    const [fewest, most] = kind.words;
    if (words.length < fewest || words.length > most) {
      const message = `snug history ${name} takes ${kind.usage === '' ? 'no further words' : kind.usage}.`;
      throw new AppError('USAGE', message, { words });
    }
    const others = [...filterOptions, ...otherOptions].filter((option) => !kind.options.includes(option));
    forbid(values, others, `is not for snug history ${name}`);
    return kind.run(session, words, values);
  },
};

const outcome = (value: object, text: (canvas: Canvas) => string[]): Outcome => ({
  ...{ value, text, exitCode: exitCodes.done },
});

function filterOf({ verb, state, tag, search, limit = usualLimit }: OptionValues): HistoryFilter {
  if (limit < 1)
    throw new AppError('USAGE', '--limit takes a whole number from 1.', { option: '--limit', actual: limit });
  return historyFilter.parse({ verb, state, tag, search, limit: Math.min(limit, pageSize) });
}

/** All runs that the filter finds, or as many as were asked for. */
async function all(session: Session, values: OptionValues): Promise<Experiment[]> {
  const limit = values.limit ?? Infinity;
  const found: Experiment[] = [];
  for (;;) {
    const page = { ...filterOf({ ...values, limit: Math.min(pageSize, limit - found.length) }), offset: found.length };
    const { experiments, total } = await session.engine().call['history.list'](page);
    found.push(...experiments);
    if (experiments.length === 0 || found.length >= Math.min(total, limit)) return found;
  }
}

/** @throws USAGE */
function settingOf(text: string): [key: string, value: string] {
  const split = text.indexOf('=');
  if (split > 0) return [text.slice(0, split), text.slice(split + 1)];
  throw new AppError('USAGE', `--set takes KEY=VALUE, as in --set calibration.samples=256, and not "${text}".`, {
    option: '--set',
    actual: text,
  });
}
