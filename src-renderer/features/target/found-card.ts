// The graphics card that was found here, if there is one.
import type { DeviceList } from '../../../src-main/contract/devices.ts';
import { formatMemory } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';
import type { CardPreset } from './target-draft.ts';

type Device = DeviceList['devices'][number];

const words = useWords();

/** The graphics card with the most memory, if there is one. */
function bestCard({ devices }: DeviceList): Device | null {
  const cards = devices.filter(({ kind }) => kind === 'gpu').sort((a, b) => b.totalBytes - a.totalBytes);
  return cards[0] ?? null;
}

/** The found card for the form, in the driver's own MiB: rounded to GiB it would promise more than there is. */
export function presetOf(list: DeviceList): CardPreset | null {
  const card = bestCard(list);
  return card && { value: `${Math.floor(card.totalBytes / 2 ** 20)} MiB`, label: card.description };
}

export function cardInWords(list: DeviceList): string {
  const card = bestCard(list);
  if (card === null) return words.frame.status.noCard;
  return words.frame.status.card(card.description, formatMemory(card.totalBytes), formatMemory(card.freeBytes));
}
