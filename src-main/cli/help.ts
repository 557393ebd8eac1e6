// Help texts.
import { optionTable, type OptionDefinition, type OptionName } from './options.ts';
import { valueName } from './parse-options.ts';
import { fields } from './report/table.ts';
import type { Verb } from './verb.ts';

export function usageLine(verb: Verb): string {
  return `snug ${verb.name} ${verb.usage}`.trimEnd();
}

/** `--type TYPE`, `--force` */
function optionText(name: OptionName): string {
  return `--${name} ${valueName(optionTable[name])}`.trimEnd();
}

function optionHelp(name: OptionName): string {
  const definition: OptionDefinition = optionTable[name];
  return definition.help;
}

/** Help of the whole program. */
export function generalHelp(verbs: readonly Verb[]): string[] {
  return [
    'snug makes a language model fit your GPU.',
    '',
    'Usage: snug VERB [MODEL] [options]',
    '',
    ...indented(fields(verbs.map((verb) => [verb.name, verb.summary]))),
    '',
    'MODEL is a .gguf file (the first of a split one), a folder with config.json and safetensors, or',
    'hub:OWNER/NAME[@REVISION][:FILE] for a model on a hub (HF_ENDPOINT, HF_TOKEN).',
    'Sizes: 24GB = 24 x 10^9, 24GiB = 24 x 2^30, a bare number is bytes.',
    'Exit codes: 0 done, 1 failed, 2 bad input or usage, 3 does not fit, 4 quality gate, 130 cancelled.',
    '',
    'snug VERB --help tells more. snug --version prints the version.',
  ];
}

/** Help of one verb. */
export function verbHelp(verb: Verb): string[] {
  return [
    `snug ${verb.name}: ${verb.summary}.`,
    '',
    `Usage: ${usageLine(verb)}${verb.options.length > 3 ? ' [options]' : ''}`,
    '',
    ...indented(verb.options.flatMap((name) => [optionText(name), `    ${optionHelp(name)}`])),
    '',
    'Examples:',
    ...indented(verb.examples),
  ];
}

function indented(lines: string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** Help as the object of --json. */
export function helpValue(verbs: readonly Verb[]): object {
  return {
    verbs: verbs.map((verb) => ({
      verb: verb.name,
      usage: usageLine(verb),
      summary: verb.summary,
      options: verb.options.map((name) => ({ option: optionText(name), help: optionHelp(name) })),
    })),
  };
}
