// snug slice: a model of a smaller width, by one rotation for the whole residual stream or by one per block.
import type { SliceRecipe } from '../../contract/recipe.ts';
import type { SliceResult } from '../../contract/results.ts';
import { exitCodeOfResult } from '../exit-codes.ts';
import { everywhere, jobOptions, outputOptions, sliceOptions } from '../options.ts';
import { modelPath } from '../paths.ts';
import { checkRecipe, forbid, jobPart, outputPart, required } from '../recipe-parts.ts';
import { describeSlice } from '../report/slice.ts';
import type { Outcome, Verb } from '../verb.ts';

export const slice: Verb = {
  name: 'slice',
  summary: 'cut the width of a model',
  usage: 'MODEL (--sparsity S | --width D) --output FILE.gguf|FOLDER|FILE.onnx',
  takesModel: true,
  options: [...sliceOptions, 'type', 'tokenizer', ...outputOptions, ...jobOptions, ...everywhere],
  examples: [
    'snug slice model.gguf --sparsity 0.2 --output sliced.gguf',
    'snug slice model.gguf --width 3072 --type Q4_K_M --output small.gguf',
    'snug slice folder --sparsity 0.1 --output sliced-folder',
    'snug slice folder --method per-block --sparsity 0.25 --output sliced.onnx',
    'snug slice sliced.onnx --method per-block --sparsity 0.3 --tokenizer folder --output narrower.onnx',
  ],
  async run(model, values, session) {
    const output = session.resolve(required(values, 'output'));
    const { method, sparsity, width, round, orientation, type, signals, precision } = values;
    if (sparsity !== undefined && width !== undefined)
      forbid(values, ['width'], 'and --sparsity cannot be given together');
    const isNamed = values.scheduler === 'constant' || values.scheduler === 'variance';
    const scheduler = values.scheduler === undefined || isNamed ? values.scheduler : session.resolve(values.scheduler);
    const recipe = checkRecipe({
      verb: 'slice',
      ...jobPart(values),
      model: modelPath(model, session.resolve),
      output,
      ...{ method, sparsity, width, round, orientation, type, scheduler, signals, precision },
      ...{ sliceHead: values['slice-head'], paperCompat: values['paper-compat'] },
      tokenizer: values.tokenizer === undefined ? null : modelPath(values.tokenizer, session.resolve),
      ...(await outputPart(values, session)),
    }) as SliceRecipe;
    const value = await session.runJob(recipe);
    return sliceOutcome(value);
  },
};

export const sliceOutcome = (value: SliceResult): Outcome => ({
  value,
  text: (canvas) => describeSlice(value, canvas),
  exitCode: exitCodeOfResult(value),
});
