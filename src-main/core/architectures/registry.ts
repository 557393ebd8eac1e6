// Every model family that has graphs. A new one is a file beside this and a line in the list.
import { AppError } from '../../contract/errors.ts';
import type { ModelSource } from '../formats/model-source.ts';
import type { Architecture } from './architecture.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { opt } from './opt.ts';
import { phi } from './phi.ts';
import { phi3 } from './phi3.ts';
import { qwen2 } from './qwen2.ts';
import { qwen3 } from './qwen3.ts';
import { seedOss } from './seed-oss.ts';

export const architectures = {
  llama,
  mistral,
  qwen2,
  qwen3,
  seed_oss: seedOss,
  opt,
  phi,
  phi3,
} as const satisfies Readonly<Record<string, Architecture>>;

const families: readonly Architecture[] = Object.values(architectures);

/** The family of a model, null where it has no graphs. */
export const findArchitecture = ({ kind, config }: Pick<ModelSource, 'kind' | 'config'>): Architecture | null =>
  families.find((family) =>
    (kind === 'gguf' ? family.ggufArchitectures : family.modelTypes).includes(config.architecture),
  ) ?? null;

/** The family of a model. @throws UNSUPPORTED_ARCHITECTURE with the supported families and the nearest name */
export function architectureOf(model: Pick<ModelSource, 'path' | 'kind' | 'config'>): Architecture {
  const { architecture: name } = model.config;
  const found = findArchitecture(model);
  if (found) return found;
  const supported = families.map((family) => family.name);
  const nearest = mostAlike(name, supported);
  const hint = nearest === null ? '' : ` The nearest is ${nearest}.`;
  throw new AppError(
    'UNSUPPORTED_ARCHITECTURE',
    `${model.path} is of the family "${name}", for which Snug has no graphs; it has them for ${supported.join(', ')}.${hint}`,
    { path: model.path, architecture: name, supported, nearest },
  );
}

/** The candidate that shares most letter pairs with `word` (Dice's coefficient, at least a half), or null. */
function mostAlike(word: string, candidates: readonly string[]): string | null {
  const pairs = (text: string): Set<string> =>
    new Set(Array.from(text.slice(1), (letter, index) => text[index]! + letter));
  const own = pairs(word);
  const alike = (candidate: string): number => {
    const other = pairs(candidate);
    return (2 * Array.from(own).filter((pair) => other.has(pair)).length) / (own.size + other.size);
  };
  const [best] = candidates.toSorted((left, right) => alike(right) - alike(left));
  return best !== undefined && alike(best) >= 0.5 ? best : null;
}
