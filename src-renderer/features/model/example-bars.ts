// The picture on the first screen: a model that sticks out of a card, and the same one made to fit. Neither names nor numbers are shown.
import type { BarSegment } from '../../ui/bar-layout.ts';

function example(weights: number): BarSegment[] {
  return [
    { part: 'weights', label: '', bytes: weights },
    { part: 'kv', label: '', bytes: 3 },
    { part: 'buffers', label: '', bytes: 1 },
    { part: 'reserve', label: '', bytes: 1 },
  ];
}

export const exampleLimit = 24;
export const exampleBefore = example(23.5);
export const exampleAfter = example(18);
