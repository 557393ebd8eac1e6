// Built-in texts as a field offers them.
import type { TextList } from '../../../src-main/contract/results.ts';
import type { Suggestion } from '../../ui/suggestion.ts';

/** Those of one purpose. */
export const suggestedTexts = (texts: TextList['texts'], purpose: TextList['texts'][number]['purpose']): Suggestion[] =>
  texts.filter((text) => text.purpose === purpose).map(({ name, description }) => ({ value: name, note: description }));
