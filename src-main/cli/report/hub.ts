// What a result says of models on a hub.
import type { HubModel } from '../../contract/hub-model.ts';
import { formatFileSize } from '../../contract/units.ts';
import { plural } from './numbers.ts';
import type { Field } from './table.ts';

/** One line per model: where it is from, and what of it came over the network. */
export function hubFields(models: readonly HubModel[]): Field[] {
  return models.flatMap(({ address, commit, files, bytes, fetchedBytes, path }): Field[] => [
    ['hub', `${address}, commit ${commit.slice(0, 12)}`],
    [
      'downloaded',
      `${formatFileSize(fetchedBytes)} of ${formatFileSize(bytes)} in ${plural(files.length, 'file')}${path === null ? ': headers only' : ''}`,
    ],
  ]);
}
