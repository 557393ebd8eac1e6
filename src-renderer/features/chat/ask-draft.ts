// The settings of a question as a person types them.
import { useWords } from '../../words/words.ts';

const words = useWords();

export interface AskDraft {
  tokens: string;
  temperature: string;
  seed: string;
  asChat: boolean;
}

export interface AskSettingsRead {
  settings: { tokens: number; temperature: number; seed: number; asChat: boolean } | null;
  problems: Partial<Record<'tokens' | 'temperature' | 'seed', string>>;
}

export const newAskDraft = (): AskDraft => ({ tokens: '160', temperature: '0', seed: '42', asChat: true });

const mostTokens = 1024;
const mostTemperature = 2;

export function readAskDraft({ tokens, temperature, seed, asChat }: AskDraft): AskSettingsRead {
  const read = {
    tokens: numberIn(tokens, 1, mostTokens, Number.isInteger),
    temperature: numberIn(temperature, 0, mostTemperature),
    seed: numberIn(seed, 0, 0xffff_ffff, Number.isInteger),
  };
  const say = words.chat.problems;
  const problems = {
    ...(read.tokens === null && { tokens: say.tokens(mostTokens) }),
    ...(read.temperature === null && { temperature: say.temperature(mostTemperature) }),
    ...(read.seed === null && { seed: say.seed }),
  };
  const { tokens: count, temperature: heat, seed: start } = read;
  if (count === null || heat === null || start === null) return { settings: null, problems };
  return { settings: { tokens: count, temperature: heat, seed: start, asChat }, problems };
}

/** A comma is a decimal point, as in other languages' numbers. */
function numberIn(text: string, least: number, most: number, isRight: (value: number) => boolean = () => true) {
  const value = text.trim() === '' ? NaN : Number(text.trim().replace(',', '.'));
  return value >= least && value <= most && isRight(value) ? value : null;
}
