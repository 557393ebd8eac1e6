// snug search: which repositories of a hub have these words in their names.
import { AppError } from '../../contract/errors.ts';
import type { HubRepository } from '../../contract/hub-search.ts';
import { exitCodes } from '../exit-codes.ts';
import { everywhere } from '../options.ts';
import { count, largeCount } from '../report/numbers.ts';
import type { Canvas } from '../report/style.ts';
import { table } from '../report/table.ts';
import type { Verb } from '../verb.ts';

const limits = { least: 1, most: 100, usual: 20 };

export const search: Verb = {
  name: 'search',
  summary: 'find models on a hub by their names',
  usage: 'WORDS',
  takesModel: false,
  takesWords: true,
  options: ['limit', 'offline', ...everywhere],
  examples: ['snug search qwen3 0.6b', 'snug search llama --limit 5'],
  async run(_model, { limit = limits.usual, offline }, session, written) {
    const words = written.words.join(' ').trim();
    if (words === '')
      throw new AppError('USAGE', 'What to search for is missing: snug search WORDS.', { argument: 'WORDS' });
    if (limit < limits.least || limit > limits.most)
      throw new AppError('USAGE', `--limit must be from ${limits.least} to ${limits.most}.`, { option: '--limit' });
    const value = await session.engine().call['hub.search']({ words, limit, offline });
    return { value, text: (canvas) => describe(value.repositories, canvas), exitCode: exitCodes.done };
  },
};

function describe(repositories: readonly HubRepository[], { style, width }: Canvas): string[] {
  if (repositories.length === 0) return ['No repository has these words in its name.'];
  const columns = [
    { title: 'model', flexible: true },
    { title: 'weights' },
    { title: 'parameters', align: 'right' as const },
    { title: 'downloads', align: 'right' as const },
    { title: 'likes', align: 'right' as const },
    { title: '' },
  ];
  const rows = repositories.map(({ repository, formats, parameters, downloads, likes, gated }) => [
    ...[`hub:${repository}`, formats.join(', '), parameters === null ? '-' : largeCount(parameters)],
    ...[count(downloads), count(likes), gated ? style.careful('asks first') : ''],
  ]);
  return [
    ...table(columns, rows, width),
    '',
    style.quiet('Next: snug inspect MODEL, or snug plan MODEL --memory SIZE'),
  ];
}
