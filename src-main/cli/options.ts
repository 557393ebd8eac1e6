// Every option of the command line, once: how its value is read and what it does. Verbs list the names they take.
import { kvTypes } from '../contract/llama-host-api.ts';
import { experimentState } from '../contract/history.ts';
import { linkKind, runnerName } from '../contract/runners.ts';
import { deviceName, orientation, planMethods, precision, signals } from '../contract/recipe.ts';

export type OptionDefinition =
  | { kind: 'flag'; help: string }
  | { kind: 'choice'; choices: readonly string[]; help: string }
  | { kind: 'text' | 'list' | 'integer' | 'number' | 'size'; value: string; help: string };

export const optionTable = {
  json: { kind: 'flag', help: 'print one JSON object on stdout, all else on stderr' },
  progress: {
    kind: 'choice',
    choices: ['none', 'line', 'json'],
    help: 'how to report progress on stderr (a bar on a terminal, else lines)',
  },
  help: { kind: 'flag', help: 'show this help' },
  device: {
    kind: 'choice',
    choices: deviceName.options,
    help: 'where to compute (auto); a named device must be there',
  },
  threads: { kind: 'integer', value: 'N', help: 'threads of the CPU (all cores)' },
  offline: { kind: 'flag', help: 'use no network: models on a hub have to be here already' },
  force: { kind: 'flag', help: 'overwrite an output that exists' },
  again: { kind: 'flag', help: 'make finished rows again; each old one stays until its new one is there' },
  output: { kind: 'text', value: 'FILE', help: 'where to write the result' },

  'install-cuda': {
    kind: 'flag',
    help: "fetch onnxruntime's CUDA files with its own installer (Linux on x64)",
  },

  methods: {
    kind: 'choice',
    choices: planMethods.options,
    help: 'which plans there are: without a slice (quantize), slices only (slice), or both (any)',
  },
  method: {
    kind: 'choice',
    choices: ['shared', 'per-block'],
    help: 'one rotation for the whole model (shared), or one per block as SliceGPT was published',
  },
  sparsity: { kind: 'number', value: 'S', help: "share of the model's width to cut away, 0.2 for a fifth" },
  width: { kind: 'integer', value: 'D', help: 'width to keep, instead of --sparsity' },
  round: {
    kind: 'integer',
    value: 'R',
    help: 'make the width a multiple of R (what the type needs: 8, 32 or 256)',
  },
  orientation: {
    kind: 'choice',
    choices: orientation.options,
    help: 'how the kept space is turned (pca; for quantised output hadamard)',
  },
  scheduler: {
    kind: 'text',
    value: 'constant|variance|FILE',
    help: 'per block: one width, one share of variance, or every width from a slicing.json (constant)',
  },
  'slice-head': { kind: 'flag', help: 'per block: cut the output layer too' },
  signals: {
    kind: 'choice',
    choices: signals.options,
    help: 'what the PCA sees: the residual itself, or behind its norm (raw per block, normed shared)',
  },
  precision: { kind: 'choice', choices: precision.options, help: 'of Grams and eigenproblems (fp64)' },
  'paper-compat': {
    kind: 'flag',
    help: "per block: the released code's mean-centred embeddings and eps 1e-5, nothing else",
  },

  values: { kind: 'text', value: 'V,V,…', help: 'what a study tries, instead of what it would by itself' },
  types: {
    kind: 'text',
    value: 'TYPE,TYPE,…',
    help: 'combination: types of the weights (F16,Q8_0,Q6_K,Q4_K_M,Q3_K_M)',
  },

  memory: {
    kind: 'text',
    value: 'SIZE|gpu',
    help: 'memory the model has to fit into; gpu = what is free on the GPU found',
  },
  'file-size': { kind: 'size', value: 'SIZE', help: 'size the file has to fit into, instead of --memory' },
  context: { kind: 'integer', value: 'N', help: 'tokens of context to make room for (4096)' },
  'kv-type': { kind: 'choice', choices: kvTypes, help: 'type of the KV cache (f16)' },
  reserve: { kind: 'size', value: 'SIZE', help: 'memory left for the display and the driver (1GiB)' },
  plan: { kind: 'text', value: 'ID', help: 'make this plan instead of the best' },
  candidates: { kind: 'integer', value: 'N', help: 'plans that are made and measured before one is chosen (3)' },
  'max-memory': { kind: 'size', value: 'SIZE', help: 'refuse a job that is expected to need more memory than this' },

  type: { kind: 'text', value: 'TYPE', help: 'type of the weights: Q4_K_M, Q5_0, IQ3_XS … (slice: F16)' },
  pure: { kind: 'flag', help: 'the one type on all tensors, no mix' },
  importance: { kind: 'text', value: 'on|off|FILE', help: 'weigh errors by importance (on); FILE = an imatrix GGUF' },

  calibration: { kind: 'list', value: 'TEXT', help: 'text to calibrate on; repeat for several (calibration)' },
  samples: { kind: 'integer', value: 'N', help: 'calibration samples at most; they never overlap (128)' },
  length: { kind: 'integer', value: 'T', help: "tokens of a sample (2048), cut to the model's context" },
  sampling: {
    kind: 'choice',
    choices: ['random', 'contiguous'],
    help: 'where samples come from (random); contiguous = from the start',
  },
  seed: { kind: 'integer', value: 'N', help: 'seed of random choices (42)' },

  text: { kind: 'text', value: 'TEXT', help: 'text to evaluate on (evaluation)' },
  window: { kind: 'integer', value: 'T', help: "tokens of a window (2048), cut to the model's context" },
  windows: { kind: 'text', value: 'N|all', help: 'windows to evaluate (evaluate: all, other verbs: 8)' },
  'allow-same-text': { kind: 'flag', help: 'evaluate on a text used for calibration' },
  engine: { kind: 'choice', choices: ['auto', 'onnx', 'llama.cpp'], help: 'what evaluates (auto)' },
  'weights-only': { kind: 'flag', help: 'evaluate the weights alone: expand the file to F16 first' },
  'gate-kld': { kind: 'number', value: 'X', help: 'exit 4 when the mean KL divergence is above X' },
  'gate-ratio': { kind: 'number', value: 'X', help: 'exit 4 when perplexity grows by more than this factor' },
  'no-evaluate': { kind: 'flag', help: 'do not measure the quality of the result' },
  'no-prove': { kind: 'flag', help: 'do not prove that llama.cpp runs the result' },

  against: { kind: 'text', value: 'MODEL', help: 'the original to compare with' },
  tasks: { kind: 'list', value: 'FILE.jsonl', help: 'multiple-choice questions to answer; repeat for several' },

  state: {
    kind: 'choice',
    choices: experimentState.options,
    help: 'only runs in this state',
  },
  verb: { kind: 'text', value: 'VERB', help: 'only runs of this verb' },
  tag: { kind: 'text', value: 'TAG', help: 'only runs with this tag' },
  search: { kind: 'text', value: 'WORDS', help: 'only runs with this in their model, verb, method, note or name' },
  limit: { kind: 'integer', value: 'N', help: 'runs or repositories to list at most (20)' },
  set: {
    kind: 'list',
    value: 'KEY=VALUE',
    help: 'a setting of the new run, as compare names them; repeat for several',
  },
  format: { kind: 'choice', choices: ['csv', 'json'], help: 'form of the export (csv)' },
  remove: { kind: 'flag', help: 'take the tag off again' },

  to: {
    kind: 'text',
    value: `${runnerName.options.join('|')}|FOLDER`,
    help: 'the runner or folder that gets the model',
  },
  link: {
    kind: 'choice',
    choices: linkKind.options,
    help: 'how the model gets there (hard, else symbolic; a copy only where it is asked for)',
  },
  name: { kind: 'text', value: 'NAME', help: 'what the model is called in the runner (as its file)' },
  at: { kind: 'text', value: 'FOLDER', help: 'the folder of a runner that is not found by itself' },
  undo: { kind: 'flag', help: 'take out again what was placed, as far as it is unchanged' },

  prompt: { kind: 'text', value: 'TEXT', help: 'what the text goes on from' },
  tokens: { kind: 'integer', value: 'N', help: 'tokens to write at most (128)' },
  temperature: { kind: 'number', value: 'T', help: 'how freely tokens are drawn (0: always the most likely one)' },
  'top-k': { kind: 'integer', value: 'K', help: 'draw from the K most likely tokens only (all)' },
  tokenizer: { kind: 'text', value: 'MODEL', help: "folder or GGUF whose tokenizer is used (the model's own)" },
} as const satisfies Record<string, OptionDefinition>;

export type OptionName = keyof typeof optionTable;

type ValueOf<Definition> = Definition extends { kind: 'flag' }
  ? true
  : Definition extends { kind: 'list' }
    ? string[]
    : Definition extends { kind: 'choice'; choices: readonly (infer Choice)[] }
      ? Choice
      : Definition extends { kind: 'text' }
        ? string
        : number;

/** The options that were given, read. */
export type OptionValues = { [Name in OptionName]?: ValueOf<(typeof optionTable)[Name]> };

export const everywhere = ['json', 'progress', 'help'] as const satisfies OptionName[];
export const jobOptions = ['device', 'threads', 'offline'] as const satisfies OptionName[];
export const targetOptions = ['memory', 'context', 'kv-type', 'reserve', 'file-size'] as const satisfies OptionName[];
/** What decides which plans there are, besides model and target. */
export const planOptions = ['methods', 'orientation'] as const satisfies OptionName[];
export const calibrationOptions = [
  'calibration',
  'samples',
  'length',
  'sampling',
  'seed',
] as const satisfies OptionName[];
export const evaluationOptions = [
  'text',
  'window',
  'windows',
  'allow-same-text',
  'engine',
  'weights-only',
  'gate-kld',
  'gate-ratio',
] as const satisfies OptionName[];
export const sliceOptions = [
  'method',
  'sparsity',
  'width',
  'round',
  'orientation',
  'scheduler',
  'slice-head',
  'signals',
  'precision',
  'paper-compat',
] as const satisfies OptionName[];
/** Of verbs that write a model. */
export const outputOptions = [
  'output',
  'force',
  'importance',
  ...calibrationOptions,
  'no-evaluate',
  ...evaluationOptions,
  'no-prove',
] as const satisfies OptionName[];
