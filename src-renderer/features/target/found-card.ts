// The graphics cards that were found here.
import type { DeviceList } from '../../../src-main/contract/devices.ts';
import { formatMemory } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';
import type { Suggestion } from '../../ui/suggestion.ts';

type Device = DeviceList['devices'][number];

const words = useWords();

/** Graphics cards, the one with the most memory first. */
function cardsOf({ devices }: DeviceList): Device[] {
  return devices.filter(({ kind }) => kind === 'gpu').sort((a, b) => b.totalBytes - a.totalBytes);
}

/** The found cards for the form, in the driver's own MiB: rounded to GiB they would promise more than there is. */
export function foundCards(list: DeviceList): Suggestion[] {
  return cardsOf(list).map(({ totalBytes, freeBytes, description }) => ({
    value: `${Math.floor(totalBytes / 2 ** 20)} MiB`,
    note: words.target.cardHere(description, formatMemory(freeBytes)),
  }));
}

export function cardInWords(list: DeviceList): string {
  const [card] = cardsOf(list);
  if (card === undefined) return words.frame.status.noCard;
  return words.frame.status.card(card.description, formatMemory(card.totalBytes), formatMemory(card.freeBytes));
}
