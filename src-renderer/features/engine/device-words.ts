// The devices that llama.cpp sees, for people.
import type { DeviceList } from '../../../src-main/contract/devices.ts';
import { formatMemory } from '../../../src-main/contract/units.ts';
import type { CardPreset } from '../target/target-draft.ts';

type Device = DeviceList['devices'][number];

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

export function deviceInWords(list: DeviceList): string {
  const card = bestCard(list);
  if (card) return `${card.description} · ${formatMemory(card.totalBytes)}, ${formatMemory(card.freeBytes)} free`;
  return 'No graphics card found here: type the card you have in mind';
}
