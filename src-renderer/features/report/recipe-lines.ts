// A recipe as lines of a report, in the words of the history: what was asked for, without what was left open.
import { useWords } from '../../words/words.ts';
import { verbInWords } from '../history/run-text.ts';
import { nameInWords, valueInWords } from '../history/setting-words.ts';
import { settingsOf } from '../history/settings-fields.ts';

const words = useWords();

/** In the order in which it is written. Consent to replace a file is no setting. */
export function recipeLines(recipe: Readonly<Record<string, unknown>>): [setting: string, value: string][] {
  const { verb } = recipe;
  return [
    ...(typeof verb === 'string' ? [[words.history.verb, verbInWords(verb)] as [string, string]] : []),
    ...settingsOf(recipe)
      .filter(({ name, value }) => name !== 'force' && value !== null && value !== undefined)
      .map(({ name, value }): [string, string] => [nameInWords(name), valueInWords(recipe, name, value)]),
  ];
}
