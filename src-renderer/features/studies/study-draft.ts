// A study as it is typed, and the recipe that it means. What the form does not offer stays as in the study it is cloned from.
import type { z } from 'zod';
import { studyRecipe, type StudyKind, type StudyRecipe } from '../../../src-main/contract/recipe.ts';
import { usualSparsity, usualTypes, usualValues } from '../../../src-main/contract/study.ts';
import { useWords } from '../../words/words.ts';
import type { deviceNames } from '../advanced/recipe-draft.ts';
import { nameInWords, valueInWords } from '../history/setting-words.ts';
import { settingsOf } from '../history/settings-fields.ts';
import { isValue, methodsOf, variesCut, type StudyMethod } from './study-kinds.ts';

const words = useWords();

export interface StudyDraft {
  kind: StudyKind;
  values: string;
  types: string;
  method: StudyMethod;
  sparsity: string;
  text: string;
  samples: string;
  length: string;
  evaluationText: string;
  window: string;
  windows: string;
  device: (typeof deviceNames)[number];
  again: boolean;
}

export type StudyInput = z.input<typeof studyRecipe>;
export type StudyProblems = Partial<Record<keyof StudyDraft, string>>;
export type ReadStudy =
  | { settings: Omit<StudyInput, 'model'>; problems: null }
  | { settings: null; problems: StudyProblems };

/** What a kind has of its own; the rest of a draft stays when another kind is chosen. */
export function usualOf(kind: StudyKind): Pick<StudyDraft, 'kind' | 'values' | 'types' | 'method' | 'sparsity'> {
  return {
    kind,
    values: usualValues[kind].join(', '),
    types: usualTypes.join(', '),
    method: methodsOf(kind)[0]!,
    sparsity: String(usualSparsity),
  };
}

/** As contract/recipe.ts has them. */
export function newStudyDraft(kind: StudyKind): StudyDraft {
  return {
    ...usualOf(kind),
    ...{ text: 'calibration', samples: '128', length: '2048' },
    ...{ evaluationText: 'evaluation', window: '2048', windows: '8' },
    ...{ device: 'auto', again: false },
  };
}

/** A kept study as it would be typed. */
export function draftOf(recipe: StudyRecipe): StudyDraft {
  const { kind, values, types, method, sparsity, calibration, evaluation, device } = recipe;
  const usual = usualOf(kind);
  return {
    kind,
    values: values?.join(', ') ?? usual.values,
    types: types?.join(', ') ?? usual.types,
    method: method ?? usual.method,
    sparsity: sparsity === null ? usual.sparsity : String(sparsity),
    ...{ text: calibration.texts.join(', '), samples: String(calibration.samples), length: String(calibration.length) },
    ...{
      evaluationText: evaluation.text,
      window: String(evaluation.window),
      windows: String(evaluation.windows ?? ''),
    },
    ...{ device, again: false },
  };
}

const listed = (text: string): string[] => text.split(/[\s,;]+/).filter((part) => part !== '');

/** The recipe that a draft means but for its model, or what is wrong with each field. `source`: what it is cloned from. */
export function readStudy(draft: StudyDraft, source: StudyRecipe | null): ReadStudy {
  const { kind, method, device, again } = draft;
  const problems: StudyProblems = {};
  const values = listed(draft.values);
  if (values.length === 0 || !values.every((value) => isValue(kind, value)))
    problems.values = words.studies.problems.values[kind];
  const types = listed(draft.types);
  if (kind === 'combination' && types.length === 0) problems.types = words.studies.problems.types;
  const width = variesCut(kind) ? null : (source?.width ?? null);
  const cuts = !variesCut(kind) && width === null;
  if (cuts && !isValue('sparsity', draft.sparsity.trim())) problems.sparsity = words.studies.problems.sparsity;
  const whole = (field: 'samples' | 'length' | 'window', least: number): number => {
    const value = Number(draft[field]);
    if (!Number.isSafeInteger(value) || value < least) problems[field] = words.advanced.problems.number;
    return value;
  };
  const windows = draft.windows.trim();
  const isAll = ['', 'all', words.advanced.all].includes(windows.toLowerCase());
  if (!isAll && !/^[1-9]\d*$/.test(windows)) problems.windows = words.advanced.problems.number;
  for (const field of ['text', 'evaluationText'] as const)
    if (draft[field].trim() === '') problems[field] = words.advanced.problems.text;
  const settings: Omit<StudyInput, 'model'> = {
    ...source,
    ...{ verb: 'study', kind, values, method, width, device, again, output: null, force: false },
    types: kind === 'combination' ? types : null,
    // Nothing said and a quarter are the same study, whose finished rows are found by what was said.
    sparsity: cuts && Number(draft.sparsity) !== usualSparsity ? Number(draft.sparsity) : null,
    calibration: {
      ...source?.calibration,
      texts: draft.text.split(',').map((text) => text.trim()),
      ...{ samples: whole('samples', 1), length: whole('length', 2) },
    },
    evaluation: {
      ...source?.evaluation,
      ...{ text: draft.evaluationText.trim(), window: whole('window', 2), windows: isAll ? null : Number(windows) },
    },
  };
  return Object.keys(problems).length === 0 ? { settings, problems: null } : { settings: null, problems };
}

/** Settings of a study that the form does not offer and that are not the usual ones, in words. */
export function otherSettings(source: StudyRecipe): string[] {
  const usual = studyRecipe.parse({ verb: 'study', model: source.model, kind: source.kind });
  const before = new Map(settingsOf(usual).map(({ name, value }) => [name, JSON.stringify(value)]));
  return settingsOf(source)
    .filter(({ name, value }) => !offered.has(name) && before.get(name) !== JSON.stringify(value))
    .map(({ name, value }) => `${nameInWords(name)} ${valueInWords(source, name, value)}`);
}

const offered: ReadonlySet<string> = new Set([
  ...['model', 'kind', 'values', 'types', 'method', 'sparsity', 'device', 'again', 'output', 'force'],
  ...['calibration.texts', 'calibration.samples', 'calibration.length'],
  ...['evaluation.text', 'evaluation.window', 'evaluation.windows'],
]);
