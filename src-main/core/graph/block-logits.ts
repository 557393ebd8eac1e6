// Logits of windows by a model's own block graphs: all blocks first, then the head for the rows that are read.
import { padWindows } from './compare-models.ts';
import type { LogitSource } from './compare-logits.ts';
import type { ForwardOptions } from './forward.ts';
import { openHead } from './head.ts';
import { headOf, hiddenStates } from './hidden-states.ts';
import type { RunnableModel } from './hidden-states.ts';
import { ScratchResiduals } from './scratch-residuals.ts';

export interface BlockLogitsOptions extends Pick<
  ForwardOptions,
  'windows' | 'runtime' | 'dequantize' | 'signal' | 'progress'
> {
  /** A folder for hidden states that are too large for memory; it need not be there and stays. */
  scratch: string;
  /** Of the files there; no other model at work has it. */
  name: string;
}

export interface OpenedLogits extends LogitSource {
  close(): Promise<void>;
}

/** Runs the blocks; windows may be of several lengths. Close it when done. @throws as forward */
export async function openBlockLogits(model: RunnableModel, options: BlockLogitsOptions): Promise<OpenedLogits> {
  const { runtime, dequantize, signal, scratch, name } = options;
  const residuals = new ScratchResiduals(scratch);
  try {
    const pass = { ...options, windows: padWindows(options.windows) };
    const residual = await hiddenStates(model, pass, (shape) => residuals.open(shape, name));
    const source = headOf(model);
    const head = await openHead(source, runtime, dequantize);
    return {
      vocabSize: source.config.vocabSize,
      async read(window, first, count) {
        const positions = Array.from({ length: count }, (_, index) => ({ window, position: first + index }));
        return (await head.run(residual, { windows: null, positions, kind: 'logits' }, signal)).rows;
      },
      async close() {
        await head.close();
        await residuals.close();
      },
    };
  } catch (error) {
    await residuals.close();
    throw error;
  }
}
