// Everything of a fit's recipe besides model, target and output, as it is typed; and what that means.
import type { z } from 'zod';
import {
  orientation,
  planMethods,
  precision,
  sliceRecipe,
  type fitRecipe,
  type Orientation,
  type PlanMethods,
  type Precision,
  type SliceRecipe,
} from '../../../src-main/contract/recipe.ts';
import { usualSettings, type Settings } from '../../../src-main/contract/settings.ts';
import { useWords } from '../../words/words.ts';
import { memoryText, parseCardMemory } from '../target/target-draft.ts';

const words = useWords();

export const samplings = ['random', 'contiguous'] as const;
export const engines = ['auto', 'onnx', 'llama.cpp'] as const;
export const deviceNames = ['auto', 'cuda', 'webgpu', 'cpu'] as const;
export const choices = ['plan', 'best'] as const;
export const methods = planMethods.options;
export const orientations = ['usual', ...orientation.options] as const;
export const precisions = precision.options;

export interface RecipeDraft {
  methods: PlanMethods;
  /** usual: what suits the types. */
  orientation: Orientation | 'usual';
  precision: Precision;
  /** The chosen plan, or the best of those that are made and measured. */
  choice: (typeof choices)[number];
  candidates: string;
  importance: string;
  texts: string[];
  samples: string;
  length: string;
  sampling: (typeof samplings)[number];
  seed: string;
  evaluate: boolean;
  prove: boolean;
  evaluationText: string;
  window: string;
  windows: string;
  engine: (typeof engines)[number];
  weightsOnly: boolean;
  allowSameText: boolean;
  gateKld: string;
  gateRatio: string;
  device: (typeof deviceNames)[number];
  threads: string;
  maxMemory: string;
  offline: boolean;
}

type FitInput = z.input<typeof fitRecipe>;
export type FitSettings = Omit<FitInput, 'verb' | 'model' | 'target' | 'output' | 'force' | 'plan'>;
export type DraftProblems = Partial<Record<keyof RecipeDraft, string>>;
export type ReadRecipe = { settings: FitSettings; problems: null } | { settings: null; problems: DraftProblems };

/** As contract/recipe.ts has them, but for what the user has set for every run. */
export function newRecipeDraft({ device, maxMemoryBytes, offline }: Settings = usualSettings): RecipeDraft {
  return {
    ...{ methods: 'any', orientation: 'usual', precision: 'fp64' },
    choice: 'plan',
    candidates: '3',
    importance: 'on',
    texts: ['calibration'],
    samples: '128',
    length: '2048',
    sampling: 'random',
    seed: '42',
    evaluate: true,
    prove: true,
    evaluationText: 'evaluation',
    window: '2048',
    windows: '8',
    engine: 'auto',
    weightsOnly: false,
    allowSameText: false,
    gateKld: '',
    gateRatio: '',
    device,
    threads: '',
    maxMemory: maxMemoryBytes === null ? '' : memoryText(maxMemoryBytes),
    offline,
  };
}

/** A whole number from `least` on; null where it is none. */
function whole(text: string, least: number): number | null {
  const typed = text.trim();
  const value = Number(typed);
  return /^\d+$/.test(typed) && Number.isSafeInteger(value) && value >= least ? value : null; // 1,000 and 1.000 are no 1
}

function positive(text: string): number | null {
  const value = Number(text.trim().replace(',', '.'));
  return Number.isFinite(value) && value > 0 ? value : null;
}

/** Reads fields one by one and keeps what is wrong with them. */
class FieldReader {
  readonly problems: DraftProblems = {};
  private readonly draft: RecipeDraft;

  constructor(draft: RecipeDraft) {
    this.draft = draft;
  }

  private take<Value>(field: keyof RecipeDraft, value: Value | null, problem: string, fallback: Value): Value {
    if (value !== null) return value;
    this.problems[field] = problem;
    return fallback;
  }

  whole(field: 'candidates' | 'samples' | 'length' | 'seed' | 'window', least: number): number {
    return this.take(field, whole(this.draft[field], least), words.advanced.problems.number, least);
  }

  /** Empty means: no such limit. */
  wholeOrNone(field: 'threads' | 'windows'): number | null {
    const text = this.draft[field].trim().toLowerCase();
    const isNone = text === '' || (field === 'windows' && [words.advanced.all, 'all'].includes(text));
    return isNone ? null : this.take(field, whole(text, 1), words.advanced.problems.number, 1);
  }

  positiveOrNone(field: 'gateKld' | 'gateRatio'): number | null {
    const text = this.draft[field];
    return text.trim() === '' ? null : this.take(field, positive(text), words.advanced.problems.decimal, 1);
  }

  sizeOrNone(field: 'maxMemory'): number | null {
    const text = this.draft[field];
    return text.trim() === '' ? null : this.take(field, parseCardMemory(text), words.advanced.problems.size, 1);
  }

  texts(): string[] {
    const texts = this.draft.texts.map((text) => text.trim());
    return this.take(
      'texts',
      texts.includes('') || texts.length === 0 ? null : texts,
      words.advanced.problems.text,
      [],
    );
  }

  text(field: 'evaluationText' | 'importance'): string {
    const text = this.draft[field].trim();
    return this.take(field, text === '' ? null : text, words.advanced.problems.text, '');
  }
}

/** What of the recipe says which plans there are and how slices are made; where none are, nothing of slices. */
export function slicingOf(draft: RecipeDraft): Required<Pick<FitInput, 'methods' | 'orientation' | 'precision'>> {
  if (draft.methods === 'quantize') return { methods: 'quantize', orientation: null, precision: 'fp64' };
  const { methods: wished, orientation: turn, precision: bits } = draft;
  return { methods: wished, orientation: turn === 'usual' ? null : turn, precision: bits };
}

/** The settings that a draft means, or what is wrong with each field. */
export function readRecipeDraft(draft: RecipeDraft): ReadRecipe {
  const read = new FieldReader(draft);
  const { sampling, evaluate, prove, engine, weightsOnly, allowSameText, device, offline } = draft;
  const settings: FitSettings = {
    ...slicingOf(draft),
    candidates: read.whole('candidates', 1),
    importance: read.text('importance'),
    calibration: {
      texts: read.texts(),
      samples: read.whole('samples', 1),
      length: read.whole('length', 2),
      sampling,
      seed: read.whole('seed', 0),
    },
    evaluate,
    prove,
    evaluation: {
      text: read.text('evaluationText'),
      window: read.whole('window', 2),
      windows: read.wholeOrNone('windows'),
      engine,
      weightsOnly,
      allowSameText,
      gateKld: read.positiveOrNone('gateKld'),
      gateRatio: read.positiveOrNone('gateRatio'),
    },
    device,
    threads: read.wholeOrNone('threads'),
    maxMemoryBytes: read.sizeOrNone('maxMemory'),
    offline,
  };
  const isRight = Object.keys(read.problems).length === 0;
  return isRight ? { settings, problems: null } : { settings: null, problems: read.problems };
}

/** A quarter of the width, which the paper's tables have too. */
const perBlockSparsity = 0.25;

/** SliceGPT as it was published, of `model` with these settings: to be looked over before it is started. */
export function perBlockRecipe(model: string, output: string, settings: FitSettings): SliceRecipe {
  const { calibration, evaluation, evaluate, orientation: turn, precision: bits, device, threads, offline } = settings;
  return sliceRecipe.parse({
    ...{ verb: 'slice', model, output, method: 'per-block', sparsity: perBlockSparsity, prove: false },
    // Its measurement runs on Snug's own graphs, by weights that are whole.
    evaluation: { ...evaluation, engine: 'auto', weightsOnly: false },
    ...{ calibration, evaluate, orientation: turn, precision: bits, device, threads, offline },
  });
}
