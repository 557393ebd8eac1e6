// Every text of the window, in English: the catalogue that each other language has to match.
import { errors } from './en/errors.ts';
import { frame } from './en/frame.ts';
import { model } from './en/model.ts';
import { numbers } from './en/numbers.ts';
import { plans } from './en/plans.ts';
import { quality } from './en/quality.ts';
import { runs } from './en/runs.ts';
import { settings } from './en/settings.ts';
import { target } from './en/target.ts';

export const en = { errors, frame, model, numbers, plans, quality, runs, settings, target };

export type Words = typeof en;
