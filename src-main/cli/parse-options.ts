// From arguments to option values and operands. Every misuse is a USAGE error that says what to write instead.
import { parseArgs } from 'node:util';
import { AppError } from '../contract/errors.ts';
import { parseSize } from '../contract/units.ts';
import { nearest } from './nearest.ts';
import { optionTable, type OptionDefinition, type OptionName, type OptionValues } from './options.ts';

export interface ParsedArguments {
  operands: string[];
  values: OptionValues;
}

/** Reads the arguments of a verb that takes the options `accepted`. @throws USAGE */
export function parseOptions(verb: string, args: string[], accepted: readonly OptionName[]): ParsedArguments {
  const config = Object.fromEntries(
    accepted.map((name) => [name, { type: optionTable[name].kind === 'flag' ? 'boolean' : 'string' } as const]),
  );
  const { tokens } = parseArgs({
    args: args.map((argument) => (argument === '-h' ? '--help' : argument)),
    options: config,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const parsed: ParsedArguments = { operands: [], values: {} };
  for (const token of tokens) {
    if (token.kind === 'positional') parsed.operands.push(token.value);
    if (token.kind !== 'option') continue;
    const name = accepted.find((candidate) => candidate === token.name);
    if (name === undefined || token.rawName !== `--${name}`) throw unknownOption(verb, token.rawName, accepted);
    add(parsed.values, name, { text: token.value, inline: token.inlineValue === true });
  }
  return parsed;
}

interface GivenValue {
  text: string | undefined;
  /** Written as --name=value. */
  inline: boolean;
}

function add(values: OptionValues, name: OptionName, given: GivenValue): void {
  const definition: OptionDefinition = optionTable[name];
  if (definition.kind === 'flag') {
    if (given.text !== undefined) throw usage(name, `--${name} takes no value.`, given.text);
    values[name] = true as never;
    return;
  }
  const { text } = given;
  if (text === undefined || text === '' || (!given.inline && /^-[^\d.]/.test(text))) {
    throw usage(name, `--${name} needs a value: --${name} ${valueName(definition)}.`, text);
  }
  const earlier = values[name] as string[] | undefined;
  if (definition.kind !== 'list' && earlier !== undefined) throw usage(name, `--${name} was given twice.`, text);
  values[name] = (definition.kind === 'list' ? [...(earlier ?? []), text] : read(name, definition, text)) as never;
}

function read(name: OptionName, definition: OptionDefinition, text: string): string | number {
  switch (definition.kind) {
    case 'choice': {
      if (definition.choices.includes(text)) return text;
      throw usage(name, `--${name} takes ${spoken(definition.choices)}, not "${text}".`, text);
    }
    case 'integer':
      if (/^-?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
      throw usage(name, `--${name} takes a whole number, not "${text}".`, text);
    case 'number':
      if (/^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
      throw usage(name, `--${name} takes a number, not "${text}".`, text);
    case 'size':
      return readSize(name, text);
    default:
      return text;
  }
}

/** A size given to an option. @throws USAGE naming the option */
export function readSize(name: OptionName, text: string): number {
  try {
    return parseSize(text);
  } catch (error) {
    throw usage(name, `--${name}: ${AppError.from(error).message}`, text);
  }
}

/** What stands for the value of an option in help texts. */
export function valueName(definition: OptionDefinition): string {
  if (definition.kind === 'flag') return '';
  return definition.kind === 'choice' ? definition.choices.join('|') : definition.value;
}

function unknownOption(verb: string, rawName: string, accepted: readonly OptionName[]): AppError {
  const near = nearest(
    rawName,
    accepted.map((name) => `--${name}`),
  );
  const elsewhere = Object.keys(optionTable).some((name) => `--${name}` === rawName);
  const what = elsewhere ? `snug ${verb} does not take ${rawName}.` : `There is no option ${rawName}.`;
  const hint = near === null ? `snug ${verb} --help lists the options.` : `Did you mean ${near}?`;
  return new AppError('USAGE', `${what} ${hint}`, { option: rawName, nearest: near });
}

function usage(option: OptionName, message: string, value: string | undefined): AppError {
  return new AppError('USAGE', message, { option: `--${option}`, value: value ?? null });
}

/** `a, b or c`. */
function spoken(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
