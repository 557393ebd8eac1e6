// The memory bar as text: the card from left to right, its limit a hard line, what is over it beyond the line.
import type { PlanMemory } from '../../contract/plan.ts';
import { formatMemory } from '../../contract/units.ts';

const parts = [
  { key: 'weightsBytes', label: 'weights', mark: '█' },
  { key: 'kvBytes', label: 'KV cache', mark: '▓' },
  { key: 'buffersBytes', label: 'buffers', mark: '▒' },
  { key: 'reserveBytes', label: 'reserve', mark: '░' },
] as const;

/** `████████▓▒░··│`, as wide as the larger of card and need. */
export function memoryBar(memory: PlanMemory, limitBytes: number, cells: number): string {
  const scale = cells / Math.max(limitBytes, memory.totalBytes, 1);
  let bar = '';
  let used = 0;
  for (const { key, mark } of parts) {
    used += memory[key];
    bar += mark.repeat(Math.max(0, Math.round(used * scale) - bar.length));
  }
  const limit = Math.round(limitBytes * scale);
  return `${bar.slice(0, limit).padEnd(limit, '·')}│${bar.slice(limit)}`;
}

/** `weights 17.4 GiB █ · KV cache 2.00 GiB ▓ · …` */
export function memorySplit(memory: PlanMemory): string {
  return parts.map(({ key, label, mark }) => `${mark} ${label} ${formatMemory(memory[key])}`).join(' · ');
}
