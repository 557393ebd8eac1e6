// A folder of its own for a model: its files under their own names, a card, and the recipe it was made by.
import path from 'node:path';
import type { ExportedModel } from './exported-model.ts';
import { modelCard } from './model-card.ts';
import type { PlannedText } from './runner.ts';

/** Where each file of the model goes in `folder`. */
export const linksInto = (model: ExportedModel, folder: string): { from: string; to: string }[] =>
  model.files.map(({ path: from, name }) => ({ from, to: path.join(folder, name) }));

/** The card and, where a run is known, its recipe; a README.md of the user or the model stays, and the card gets the model's name then. */
export function textsInto(model: ExportedModel, folder: string): PlannedText[] {
  const { name, record, file, files } = model;
  const [usual, otherwise] = [path.join(folder, 'README.md'), path.join(folder, `${name}.README.md`)];
  const hasOwn = files.some((one) => one.name === 'README.md');
  const card = { path: hasOwn ? otherwise : usual, text: modelCard(model), otherwise };
  if (!record) return [card];
  const recipe = path.join(folder, `${path.basename(file)}.recipe.json`);
  return [card, { path: recipe, text: `${JSON.stringify(record, null, 2)}\n` }];
}
