// The stages of a job, from its recipe and what the headers of its models say.
import path from 'node:path';
import type { FitRecipe, QuantizeRecipe, Recipe, SliceRecipe, StudyRecipe } from '../../contract/recipe.ts';
import { bitsPerWeight } from '../formats/ggml-types.ts';
import { findMix, findType } from '../quantization/mixes.ts';
import { typesWithoutImportance } from '../quantization/quantize-plan.ts';
import {
  convertWork,
  evaluateWork,
  exportWork,
  fingerprintWork,
  generateWork,
  importanceWork,
  invarianceWork,
  kernelSpeed,
  openWork,
  perBlockSliceWork,
  proveWork,
  quantizeWork,
  sharedSliceWork,
  statisticsWork,
  type ModelSize,
  type StageWork,
  type TextSize,
  type WrittenFile,
} from './stage-work.ts';

export interface JobFacts {
  model: ModelSize;
  /** Safetensors, which are a GGUF first for whatever needs one. */
  isFolder: boolean;
  /** Sliced block by block: it is cut again by copying, and runs on our graphs. */
  isSliced: boolean;
  /** What an evaluation compares with. */
  against: ModelSize | null;
  calibration: TextSize;
  evaluation: TextSize;
  engine: 'onnx' | 'llama.cpp';
  /** The best plan for a fit's target, where plans were listed for it. */
  best: string | null;
  /** The file of the plan that a fit names, else of the best, where it was listed; null where only its name is known. */
  named: NamedFile | null;
}

export interface JobWork {
  works: StageWork[];
  /** On the output's disk: as it will be, about, and at least. */
  outputBytes: number;
  leastOutputBytes: number;
}

type Made = WrittenFile & Pick<ModelSize, 'parameters'>;

/** What a plan makes. */
export type NamedFile = Made & { isSliced: boolean; takesImportance: boolean };

/** A mix has more bits than its usual type on a few tensors; a file has a vocabulary besides. */
const mixSurplus = 1.08;
const vocabularyBytesPerToken = 24;
/** The model of a check before a slice: 4 windows of 512 tokens. */
const invarianceText: TextSize = { tokens: 2048, window: 512 };
/** Rows of a study whose values are its own. */
const usualRows = 5;

/** null for jobs that take a moment, or whose time only their user knows. @throws USAGE for an unknown type */
export function jobWork(recipe: Recipe, facts: JobFacts): JobWork | null {
  switch (recipe.verb) {
    case 'calibrate':
      return withoutOutput([...opened(facts), openWork('tokenize'), importanceWork(facts.model, facts.calibration)]);
    case 'quantize':
      return quantizeJob(recipe, facts);
    case 'slice':
      return recipe.method === 'shared' ? sharedSliceJob(recipe, facts) : perBlockJob(recipe, facts);
    case 'invariance':
      return withoutOutput([openWork('open'), openWork('tokenize'), invarianceWork(facts.model, facts.evaluation)]);
    case 'plan':
      // A folder is converted in outline only.
      return withoutOutput([openWork('open'), openWork('plan')]);
    case 'generate':
      return withoutOutput([openWork('open'), openWork('tokenize'), generateWork(facts.model, recipe.tokens)]);
    case 'evaluate':
      return withoutOutput(evaluateJob(facts, recipe.evaluation.weightsOnly));
    case 'fit':
      return fitJob(recipe, facts);
    case 'study':
      return withoutOutput(studyWorks(recipe, facts));
    default:
      return null;
  }
}

const withoutOutput = (works: StageWork[]): JobWork => ({ works, outputBytes: 0, leastOutputBytes: 0 });

/** Opened for llama.cpp. */
const opened = ({ model, isFolder }: JobFacts): StageWork[] => [
  ...(isFolder ? [convertWork(model)] : []),
  openWork('open'),
];

/** A file of `parameters` weights of one type. */
function fileOf(type: string, parameters: number): Made {
  return { parameters, bytes: (parameters * bitsPerWeight(type)) / 8, weights: { [kernelSpeed(type)]: parameters } };
}

const isFloat = (type: string): boolean => /^(?:F32|F16|BF16)$/i.test(type);

function outputOf(type: string, file: Made, { vocabSize }: ModelSize): Omit<JobWork, 'works'> {
  const surplus = isFloat(type) ? 1 : mixSurplus;
  return { outputBytes: file.bytes * surplus + vocabSize * vocabularyBytesPerToken, leastOutputBytes: file.bytes };
}

/** What is made, as a model that is measured. */
const madeModel = (model: ModelSize, { bytes, parameters }: Made): ModelSize => ({
  ...model,
  bytes,
  parameters,
  blockParameters: (model.blockParameters * parameters) / model.parameters,
});

type Finished = Pick<QuantizeRecipe | SliceRecipe | FitRecipe, 'evaluate' | 'prove' | 'evaluation'>;

/** Measured against its source, and proved. */
function finishing({ evaluate, prove, evaluation }: Finished, facts: JobFacts, file: Made): StageWork[] {
  const { model, evaluation: text, engine } = facts;
  const made = madeModel(model, file);
  const expanded = evaluation.weightsOnly && engine === 'llama.cpp' ? 2 * file.parameters : 0;
  return [
    ...(evaluate ? [evaluateWork({ models: [model, made], text, engine, expanded })] : []),
    ...(prove ? [proveWork(model, file)] : []),
  ];
}

const needsText = ({ evaluate, prove }: Finished): StageWork[] => (evaluate || prove ? [openWork('tokenize')] : []);

function importanceOf(importance: string, { model, calibration }: JobFacts): StageWork[] {
  return importance === 'on' ? [openWork('tokenize'), importanceWork(model, calibration)] : [];
}

function quantizeJob(recipe: QuantizeRecipe, facts: JobFacts): JobWork {
  const type = recipe.pure ? findType(recipe.type) : findMix(recipe.type).type;
  const file = fileOf(type, facts.model.parameters);
  const works = [
    ...opened(facts),
    ...(typesWithoutImportance.has(type) ? [] : importanceOf(recipe.importance, facts)),
    ...needsText(recipe),
    quantizeWork(facts.model, file),
    ...finishing(recipe, facts, file),
  ];
  return { works, ...outputOf(type, file, facts.model) };
}

/** Share of the width that stays. */
function keptShare({ sparsity, width }: Pick<SliceRecipe, 'sparsity' | 'width'>, { hiddenSize }: ModelSize): number {
  if (width !== null) return Math.min(1, width / hiddenSize);
  return 1 - (sparsity ?? 0);
}

const isExported = (output: string): boolean => path.extname(output).toLowerCase() !== '.gguf';

function sharedSliceJob(recipe: SliceRecipe, facts: JobFacts): JobWork {
  const { model } = facts;
  const { type } = findMix(recipe.type);
  const file = fileOf(type, model.parameters * keptShare(recipe, model));
  const output = outputOf(type, file, model);
  const works = [
    ...opened(facts),
    openWork('plan'),
    openWork('tokenize'),
    ...rotationOf(facts),
    sharedSliceWork(model, file),
    ...finishing(recipe, facts, file),
  ];
  if (!isExported(recipe.output)) return { works, ...output };
  // Made from a GGUF that lies beside it until then.
  const { outputBytes, leastOutputBytes } = output;
  return {
    works: [...works, exportWork(madeModel(model, file), file)],
    outputBytes: 2 * outputBytes,
    leastOutputBytes: 2 * leastOutputBytes,
  };
}

function perBlockJob(recipe: SliceRecipe, facts: JobFacts): JobWork {
  const { model, calibration } = facts;
  const { type } = findMix(recipe.type);
  const share = keptShare(recipe, model);
  // A shortcut for every step: two of a layer, one where its branches are parallel.
  const file = fileOf(type, share * model.parameters + model.layers * (share * model.hiddenSize) ** 2);
  const making = facts.isSliced
    ? [{ ...exportWork(model, file), stage: 'slice', kind: 'slice again' }]
    : [invarianceWork(model, invarianceText), perBlockSliceWork(model, { text: calibration, bytes: file.bytes })];
  const works = [
    openWork('open'),
    openWork('tokenize'),
    ...making,
    ...finishing({ ...recipe, prove: false }, { ...facts, engine: 'onnx' }, file),
  ];
  const output = outputOf(type, file, model);
  if (path.extname(recipe.output).toLowerCase() !== '.onnx') return { works, ...output };
  return {
    works: [...works, exportWork(madeModel(model, file), file)],
    outputBytes: 2 * output.outputBytes,
    leastOutputBytes: 2 * output.leastOutputBytes,
  };
}

function evaluateJob(facts: JobFacts, weightsOnly: boolean): StageWork[] {
  const { model, against, evaluation: text, engine } = facts;
  const models = against ? [model, against] : [model];
  const isOnGraphs = engine === 'onnx';
  const expanded = weightsOnly && !isOnGraphs ? 2 * models.reduce((sum, { parameters }) => sum + parameters, 0) : 0;
  return [...(isOnGraphs ? [] : opened(facts)), openWork('tokenize'), evaluateWork({ models, text, engine, expanded })];
}

function fitJob(recipe: FitRecipe, facts: JobFacts): JobWork {
  const { target, plan } = recipe;
  const { model, isFolder, best } = facts;
  if (plan === null && recipe.methods === 'slice') return slicedCandidatesJob(recipe, facts);
  const reserved = target.kind === 'memory' ? target.reserveBytes : 0;
  const first = plan ?? best ?? (model.bytes + reserved <= target.bytes ? 'source' : null);
  const usesSource = first !== null && /^source(?:\+|$)/.test(first);
  if (usesSource) return isFolder ? namedJob(recipe, first, facts) : asItIsJob(recipe, facts);
  return plan === null ? candidatesJob(recipe, facts) : namedJob(recipe, plan, facts);
}

const planned = (facts: JobFacts): StageWork[] => [...opened(facts), openWork('plan')];

/** The source is measured and proved, and nothing written. */
function asItIsJob(recipe: FitRecipe, facts: JobFacts): JobWork {
  const { model, evaluation: text, engine } = facts;
  return withoutOutput([
    ...planned(facts),
    ...needsText(recipe),
    ...(recipe.evaluate ? [evaluateWork({ models: [model], text, engine, expanded: 0 })] : []),
    ...(recipe.prove ? [proveWork(model, model)] : []),
  ]);
}

/** What every slice by one rotation begins with. */
const rotationOf = ({ model, calibration }: JobFacts): StageWork[] => [
  invarianceWork(model, invarianceText),
  openWork('tokenize'),
  fingerprintWork(model),
  statisticsWork(model, calibration),
];

/** Its bytes are known where the plan was listed; else its name says the type and the width. */
function namedJob(recipe: FitRecipe, plan: string, facts: JobFacts): JobWork {
  const { model, named } = facts;
  const { file, ...output } = named
    ? { file: named, outputBytes: named.bytes, leastOutputBytes: named.bytes }
    : fileByName(plan, model);
  const making = file.isSliced
    ? [...needsText(recipe), ...rotationOf(facts), sharedSliceWork(model, file)]
    : [
        ...(file.takesImportance ? importanceOf(recipe.importance, facts) : []),
        ...needsText(recipe),
        quantizeWork(model, file),
      ];
  return { works: [...planned(facts), ...making, ...finishing(recipe, facts, file)], ...output };
}

/** `q4_k_m+cpu-layers-8`, `all-q4_0`, `slice-512+q4_k_m`, `slice-512`, `source`. @throws USAGE for an unknown type */
function fileByName(plan: string, model: ModelSize): Omit<JobWork, 'works'> & { file: NamedFile } {
  const [, width, pure, name = ''] = /^(?:slice-(\d+)\+?)?(all-)?([^+]*)/.exec(plan)!;
  if (name === 'source')
    return {
      file: { ...model, weights: {}, isSliced: false, takesImportance: false },
      outputBytes: model.bytes,
      leastOutputBytes: model.bytes,
    };
  const type = name === '' ? 'F16' : pure ? findType(name) : findMix(name).type;
  const share = width === undefined ? 1 : Math.min(1, Number(width) / model.hiddenSize);
  const file = fileOf(type, model.parameters * share);
  const takesImportance = !typesWithoutImportance.has(type);
  return { file: { ...file, isSliced: width !== undefined, takesImportance }, ...outputOf(type, file, model) };
}

/**
 * Candidates are about as large as the best plan; where none was listed, as the target allows, in K types. How many there
 * are, and their bytes, a plan tells later.
 */
function candidatesJob(recipe: FitRecipe, facts: JobFacts): JobWork {
  const { target } = recipe;
  const { model, named } = facts;
  const reserved = target.kind === 'memory' ? target.reserveBytes : 0;
  const allowed = Math.min(model.bytes, Math.max(0, target.bytes - reserved));
  const file: Made = named ?? { bytes: allowed, parameters: model.parameters, weights: { k: model.parameters } };
  const works = [...planned(facts), ...importanceOf(recipe.importance, facts), ...needsText(recipe)];
  return madeAndMeasured(recipe, facts, { works, file, make: quantizeWork(model, file) });
}

/** Candidates that are all slices are about as large as the best plan; where none was listed, as a slice by a fifth. */
function slicedCandidatesJob(recipe: FitRecipe, facts: JobFacts): JobWork {
  const { model, named } = facts;
  const file = named ?? fileByName(`slice-${Math.round(0.8 * model.hiddenSize)}`, model).file;
  const works = [...planned(facts), ...needsText(recipe), ...rotationOf(facts)];
  return madeAndMeasured(recipe, facts, { works, file, make: sharedSliceWork(model, file) });
}

interface CandidateWork {
  /** What comes before the first. */
  works: StageWork[];
  file: Made;
  /** One of them. */
  make: StageWork;
}

/** Each candidate is measured on half of the text, and the best finished. */
function madeAndMeasured(recipe: FitRecipe, facts: JobFacts, { works, file, make }: CandidateWork): JobWork {
  const { model, evaluation, engine } = facts;
  const count = recipe.evaluate ? recipe.candidates : 1;
  const measure = evaluateWork({
    models: [model, madeModel(model, file)],
    ...{ text: { ...evaluation, tokens: evaluation.tokens / 2 }, engine, stage: 'measure' },
    expanded: engine === 'llama.cpp' ? 2 * model.parameters : 0,
  });
  const making = Array.from({ length: count }, () => (count > 1 ? [make, measure] : [make]));
  return {
    works: [...works, ...making.flat(), ...finishing(recipe, facts, file)],
    outputBytes: count * file.bytes,
    leastOutputBytes: 0,
  };
}

/** Every row sliced and measured: what a study keeps of earlier runs, and what rows have in common, makes it shorter. */
function studyWorks(recipe: StudyRecipe, facts: JobFacts): StageWork[] {
  const { model, calibration, evaluation: text } = facts;
  const file = fileOf('F16', model.parameters * keptShare({ ...recipe, sparsity: recipe.sparsity ?? 0.25 }, model));
  const isShared = (recipe.method ?? (recipe.kind === 'combination' ? 'shared' : 'per-block')) === 'shared';
  const slicing = isShared
    ? [sharedSliceWork(model, file)]
    : [perBlockSliceWork(model, { text: calibration, bytes: file.bytes })];
  const measure = evaluateWork({ models: [madeModel(model, file)], text, engine: 'onnx', expanded: 0 });
  const once = [
    ...(isShared ? [...opened(facts), fingerprintWork(model), statisticsWork(model, calibration)] : [openWork('open')]),
    openWork('tokenize'),
    evaluateWork({ models: [model], text, engine: 'onnx', expanded: 0 }),
  ];
  const rows = Array.from({ length: recipe.values?.length ?? usualRows }, () => [...slicing, measure]);
  // Rows differ in what they do, so that a study's seconds teach nothing about a job's.
  return [...once, ...rows.flat()].map((work) => ({ ...work, kind: `study ${recipe.kind} ${work.stage}` }));
}
