// Calibration sets of several sizes, each the beginning of the next: what a larger one changes is what it adds.
import type { ModelSource } from '../../../core/formats/model-source.ts';
import { evenWindows } from '../../../core/calibration/even-windows.ts';
import type { StudyRecipe } from '../../../contract/recipe.ts';
import { openCalibration, warnOfFewTokens, type CalibrationTokens } from '../../stages/texts.ts';
import type { EvenCalibration } from '../../stages/statistics.ts';
import type { JobContext } from '../context.ts';

export interface NestedCalibration {
  /** Samples that there are, at most as many as were asked for. */
  samples: number;
  /** The first `size` samples. */
  take: (size: number) => EvenCalibration;
}

/**
 * Samples of every text in turn, so that each size has an equal share of each. A sample that is there already is left out,
 * with a warning. @throws TEXT_TOO_SHORT, FILE_NOT_FOUND
 */
export async function nestedCalibration(
  context: JobContext,
  source: ModelSource,
  { calibration }: StudyRecipe,
  most: number,
): Promise<NestedCalibration> {
  const opened: CalibrationTokens[] = [];
  for (const text of calibration.texts)
    opened.push(await openCalibration(context, source.path, { ...calibration, texts: [text], samples: most }));
  const longest = Math.max(...opened.map(({ windows }) => windows.length));
  const inTurn = Array.from({ length: longest }, (_, index) =>
    opened.flatMap(({ windows }) => windows.slice(index, index + 1)),
  ).flat();
  const { windows: even, droppedTokens } = evenWindows(withoutTwins(context, inTurn).slice(0, most));
  if (droppedTokens > 0)
    context.warnings.push(
      `The calibration samples differ in length: those of ${even[0]!.length} tokens were used, and ${droppedTokens} tokens left out.`,
    );
  warnOfFewTokens(context, even.length * even[0]!.length, source.config.hiddenSize);
  // The texts as a whole; each size says how many samples of them it has.
  const textSha256 = opened.length === 1 ? opened[0]!.textSha256 : opened.map((text) => text.textSha256).join('+');
  return {
    samples: even.length,
    take: (size) => {
      const windows = even.slice(0, size);
      const tokens = windows.reduce((sum, { length }) => sum + length, 0);
      return { windows, use: { samples: windows.length, tokens, textSha256 } };
    },
  };
}

function withoutTwins(context: JobContext, windows: readonly Int32Array[]): Int32Array[] {
  const found = new Map(windows.map((window) => [window.join(), window]));
  const twins = windows.length - found.size;
  if (twins > 0)
    context.warnings.push(`${twins} of ${windows.length} calibration samples were there already and are used once.`);
  return [...found.values()];
}
