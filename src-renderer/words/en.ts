// Every text of the window, in English: the catalogue that each other language has to match.
import { advanced } from './en/advanced.ts';
import { charts } from './en/charts.ts';
import { chat } from './en/chat.ts';
import { errors } from './en/errors.ts';
import { exporting } from './en/exporting.ts';
import { frame } from './en/frame.ts';
import { front } from './en/front.ts';
import { history } from './en/history.ts';
import { model } from './en/model.ts';
import { models } from './en/models.ts';
import { numbers } from './en/numbers.ts';
import { plans } from './en/plans.ts';
import { preflight } from './en/preflight.ts';
import { published } from './en/published.ts';
import { quality } from './en/quality.ts';
import { recipe } from './en/recipe.ts';
import { report } from './en/report.ts';
import { runs } from './en/runs.ts';
import { settings } from './en/settings.ts';
import { slices } from './en/slices.ts';
import { studies } from './en/studies.ts';
import { target } from './en/target.ts';

export const en = {
  advanced,
  charts,
  chat,
  errors,
  exporting,
  frame,
  front,
  history,
  model,
  models,
  numbers,
  plans,
  preflight,
  published,
  quality,
  recipe,
  report,
  runs,
  settings,
  slices,
  studies,
  target,
};

export type Words = typeof en;
