// snug demo: a whole fit on the bundled sample, explained as it goes.
import { mkdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { exitCodeOfResult } from '../exit-codes.ts';
import { everywhere, jobOptions, outputOptions, targetOptions, type OptionValues } from '../options.ts';
import { describeFit } from '../report/fit.ts';
import type { Verb } from '../verb.ts';
import { choiceOptions, fitRecipe } from './fit.ts';

/** A third of the sample's 13.8 MB: several types fit, and which loses least has to be measured. */
const demoFileBytes = 4_500_000;
/** Enough for a model of this size, and done in seconds. */
const demoSamples = 32;

/** What each stage is about, told when it starts. */
const stories: Record<string, string> = {
  open: "Reading the model's tensors.",
  tokenize: 'Turning the texts into tokens.',
  calibrate: 'Running the text through the model to learn which weights matter most.',
  plan: 'Working out the exact size of every way to make it fit, and the loss to expect.',
  quantize: 'Writing the weights with fewer bits, the important ones with the smallest error.',
  prove: 'Loading the new file in llama.cpp and comparing its word probabilities.',
  measure: 'Comparing this candidate with the original, word by word.',
  evaluate: 'Reading a text that the model was not calibrated on, original and new file side by side.',
};

const introduction = `Snug makes models fit. The sample is a tiny one: 6.8 million parameters, 13.8 MB, half-sense English.
This makes it smaller with the steps that a large model goes through.`;

export const demo: Verb = {
  name: 'demo',
  summary: 'try a whole fit on the bundled sample model',
  usage: '[--file-size SIZE] [--output FILE.gguf]',
  takesModel: false,
  options: [...targetOptions, ...choiceOptions, ...outputOptions, ...jobOptions, ...everywhere],
  examples: ['snug demo', 'snug demo --file-size 3MB --output tiny.gguf'],
  async run(_model, values, session) {
    session.note(introduction);
    const { model } = await session.engine().call.sample({});
    const output = values.output === undefined ? await ownOutput() : session.resolve(values.output);
    const recipe = await fitRecipe({ model, output }, withDefaults(values), session);
    const value = await session.runJob(recipe, stories);
    return {
      value,
      text: (canvas) => [...describeFit(value, recipe.target, canvas), '', ...whatNext(value.output)],
      exitCode: exitCodeOfResult(value),
    };
  },
};

/** Without --output the file goes where it may be overwritten by the next demo. */
async function ownOutput(): Promise<string> {
  const folder = path.join(os.tmpdir(), `snug-demo-${os.userInfo().username}`);
  await mkdir(folder, { recursive: true });
  return path.join(folder, 'snug-demo.gguf');
}

function withDefaults(values: OptionValues): OptionValues {
  const target = values.memory === undefined && values['file-size'] === undefined ? { 'file-size': demoFileBytes } : {};
  const overwrite = values.output === undefined ? { force: true as const } : {};
  return { samples: demoSamples, ...values, ...target, ...overwrite };
}

function whatNext(output: string | null): string[] {
  return [
    'Try next:',
    ...(output === null ? [] : [`  snug inspect ${output}`]),
    '  snug demo --file-size 3MB',
    '  snug plan YOUR-MODEL.gguf --memory gpu',
  ];
}
