// Every text of the window, in German.
import { advanced } from './de/advanced.ts';
import { charts } from './de/charts.ts';
import { chat } from './de/chat.ts';
import { errors } from './de/errors.ts';
import { exporting } from './de/exporting.ts';
import { frame } from './de/frame.ts';
import { front } from './de/front.ts';
import { history } from './de/history.ts';
import { model } from './de/model.ts';
import { models } from './de/models.ts';
import { numbers } from './de/numbers.ts';
import { plans } from './de/plans.ts';
import { preflight } from './de/preflight.ts';
import { published } from './de/published.ts';
import { quality } from './de/quality.ts';
import { recipe } from './de/recipe.ts';
import { report } from './de/report.ts';
import { runs } from './de/runs.ts';
import { settings } from './de/settings.ts';
import { slices } from './de/slices.ts';
import { studies } from './de/studies.ts';
import { target } from './de/target.ts';
import type { Words } from './en.ts';

export const de: Words = {
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
