// From a complete file to a published one: evaluated, held against the gate, proved.
import { AppError } from '../../contract/errors.ts';
import type { FitRecipe, QuantizeRecipe, SliceRecipe } from '../../contract/recipe.ts';
import type { Proof, Quality, QuantizeResult } from '../../contract/results.ts';
import type { EvaluationEngine } from '../stages/engine.ts';
import { evaluate } from '../stages/evaluate.ts';
import { prove, type PlannedRun } from '../stages/prove.ts';
import type { EvaluationTokens } from '../stages/texts.ts';
import type { JobContext } from './context.ts';
import { gateOf } from './gate.ts';
import { keepingComplete, publish } from './publish.ts';

export interface FinishOptions {
  recipe: QuantizeRecipe | FitRecipe | SliceRecipe;
  source: string;
  /** The complete file, under its unfinished name. */
  file: string;
  engine: EvaluationEngine;
  planned: PlannedRun;
  /** null where nothing is to be measured. */
  text: EvaluationTokens | null;
  /** Largest loss that the plan predicted. */
  predictedKld: number;
  /** Gives the proved file its name, or what it is made into. By default the file itself is the output. */
  publish?: () => Promise<void>;
}

export interface Finished {
  quality?: Quality;
  proof?: Proof;
  gate?: QuantizeResult['gate'];
}

/**
 * Measures and proves as the recipe wants, and gives the file its name. A complete file is not lost to a failure here:
 * it is kept as NAME.unproved, or as NAME.unpublished where only the name could not be given. @throws PROOF_FAILED with the proof
 */
export async function finishFile(context: JobContext, options: FinishOptions): Promise<Finished> {
  const { recipe, file } = options;
  const finished = await keepingComplete(file, { target: recipe, as: 'unproved' }, async () => {
    const measured = await measure(context, options);
    const { proof } = measured;
    if (proof && !proof.passed)
      throw new AppError('PROOF_FAILED', `The file did not pass its proof: ${proof.reason}.`, { proof });
    return measured;
  });
  const give = options.publish ?? (() => publish(file, recipe, context.naming));
  await keepingComplete(file, { target: recipe, as: 'unpublished' }, give);
  return finished;
}

async function measure(context: JobContext, options: FinishOptions): Promise<Finished> {
  const { recipe, source, file, text, predictedKld } = options;
  const { device, evaluation } = recipe;
  if (!text) return {};
  const quality = recipe.evaluate
    ? (
        await evaluate(context, {
          candidate: file,
          reference: source,
          text,
          engine: options.engine,
          device,
          weightsOnly: evaluation.weightsOnly,
        })
      ).quality
    : undefined;
  const gate = recipe.evaluate ? gateOf(evaluation, quality) : undefined;
  const expected = { predictedKld, measuredKld: quality?.kld?.mean ?? null };
  const proof = recipe.prove
    ? await prove(context, { source, output: file, planned: options.planned, text, expected, device })
    : undefined;
  return { ...(quality && { quality }), ...(proof && { proof }), ...(gate && { gate }) };
}
