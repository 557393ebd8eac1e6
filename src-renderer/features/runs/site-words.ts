// Places of a model where its signal was looked at, by the names that the worker has for them.
import { useWords } from '../../words/words.ts';

const words = useWords();

export interface SitePlace {
  /** `layer 3 · MLP`. */
  name: string;
  /** From 0; null outside of layers. */
  layer: number | null;
  /** The first of its layer. */
  isFirst: boolean;
}

/** `layer3.mlp_out`, `layer3.mlpInput`, `embed`, `headInput`; layers are counted from 1 for people. */
export function placeOf(site: string): SitePlace {
  const { places } = words.charts;
  const [, layer, part] = /^layer(\d+)\.(.+)$/.exec(site) ?? [];
  if (layer !== undefined && part !== undefined) {
    const inLayer =
      part.startsWith('attn') || part.startsWith('attention') ? 'attention' : part.startsWith('mlp') ? 'mlp' : 'block';
    return {
      name: places.inLayer(Number(layer) + 1, places[inLayer]),
      layer: Number(layer),
      isFirst: inLayer !== 'mlp',
    };
  }
  const outside: Record<string, string> = {
    embed: places.embedding,
    headInput: places.head,
    'shared rotation': places.sharedRotation,
  };
  return { name: outside[site] ?? site, layer: null, isFirst: true };
}
