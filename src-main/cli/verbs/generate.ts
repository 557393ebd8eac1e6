// snug generate: text behind a prompt.
import type { GenerateRecipe } from '../../contract/recipe.ts';
import { exitCodes } from '../exit-codes.ts';
import { everywhere, jobOptions } from '../options.ts';
import { modelPath } from '../paths.ts';
import { checkRecipe, jobPart, required } from '../recipe-parts.ts';
import { count } from '../report/numbers.ts';
import { growingText } from '../report/text-stream.ts';
import type { Verb } from '../verb.ts';

export const generate: Verb = {
  name: 'generate',
  summary: 'write text behind a prompt',
  usage: 'MODEL --prompt TEXT',
  takesModel: true,
  options: ['prompt', 'tokens', 'temperature', 'top-k', 'seed', 'tokenizer', ...jobOptions, ...everywhere],
  examples: [
    'snug generate model.gguf --prompt "Once upon a time"',
    'snug generate sliced-folder --prompt "The sea" --tokens 40 --temperature 0.8 --top-k 40',
    'snug generate model.onnx --tokenizer folder --prompt "The sea"',
  ],
  async run(model, values, session) {
    const recipe = checkRecipe({
      verb: 'generate',
      ...jobPart(values),
      model: modelPath(model, session.resolve),
      tokenizer: values.tokenizer === undefined ? null : modelPath(values.tokenizer, session.resolve),
      prompt: required(values, 'prompt'),
      tokens: values.tokens,
      temperature: values.temperature,
      topK: values['top-k'],
      seed: values.seed,
    }) as GenerateRecipe;
    const text = growingText();
    const value = await session.runJob(recipe, {}, ({ stage, detail }) => {
      if (stage === 'generate' && detail !== undefined) session.print(text(detail));
    });
    session.print(`${text(value.text)}\n`);
    const { prefill, decode } = value.tokensPerSecond;
    const rate = decode === null ? '' : `, then ${count(decode)} tokens/s`;
    for (const warning of value.warnings) session.note(warning);
    session.note(
      `${count(value.tokens.generated)} tokens behind ${count(value.tokens.prompt)}: ${count(prefill)} tokens/s${rate}.`,
    );
    return { value, text: () => [], exitCode: exitCodes.done };
  },
};
