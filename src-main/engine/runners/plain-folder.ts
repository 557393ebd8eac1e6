// A folder that the user names: the model under its own name, with card and recipe. It takes models of every form.
import type { ExportedModel } from './exported-model.ts';
import { linksInto, textsInto } from './model-folder.ts';
import type { PlacementPlan } from './runner.ts';

export const planFolder = (model: ExportedModel, folder: string): PlacementPlan => ({
  links: linksInto(model, folder),
  texts: textsInto(model, folder),
  next: `The model is in ${folder}.`,
  notes: [],
});
