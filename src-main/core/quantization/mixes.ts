// llama.cpp's named mixes and the types a tensor can be written in. Which tensor gets which type in a mix is
// llama.cpp's own decision: the llama host's `mixTypes` asks it.
// Source: tools/quantize/quantize.cpp (QUANT_OPTIONS), include/llama.h (enum llama_ftype) and src/llama-quant.cpp
// (llama_ftype_get_default_type) of llama.cpp v0.4.0.
import { AppError } from '../../contract/errors.ts';

export interface Mix {
  name: string;
  /** Number of the file type, written as general.file_type. */
  fileType: number;
  /** The type of most tensors. */
  type: string;
}

const rows: readonly (readonly [name: string, fileType: number, type: string])[] = [
  ['F32', 0, 'F32'],
  ['F16', 1, 'F16'],
  ['BF16', 32, 'BF16'],
  ['Q8_0', 7, 'Q8_0'],
  ['Q6_K', 18, 'Q6_K'],
  ['Q5_K_M', 17, 'Q5_K'],
  ['Q5_K_S', 16, 'Q5_K'],
  ['Q5_1', 9, 'Q5_1'],
  ['Q5_0', 8, 'Q5_0'],
  ['Q4_1', 3, 'Q4_1'],
  ['Q4_K_M', 15, 'Q4_K'],
  ['Q4_K_S', 14, 'Q4_K'],
  ['Q4_0', 2, 'Q4_0'],
  ['IQ4_NL', 25, 'IQ4_NL'],
  ['MXFP4_MOE', 38, 'MXFP4'],
  ['IQ4_XS', 30, 'IQ4_XS'],
  ['Q3_K_L', 13, 'Q3_K'],
  ['Q3_K_M', 12, 'Q3_K'],
  ['IQ3_M', 27, 'IQ3_S'],
  ['IQ3_S', 26, 'IQ3_S'],
  ['Q3_K_S', 11, 'Q3_K'],
  ['IQ3_XS', 22, 'IQ3_S'],
  ['IQ3_XXS', 23, 'IQ3_XXS'],
  ['Q2_K', 10, 'Q2_K'],
  ['Q2_K_S', 21, 'Q2_K'],
  ['IQ2_M', 29, 'IQ2_S'],
  ['IQ2_S', 28, 'IQ2_XS'],
  ['IQ2_XS', 20, 'IQ2_XS'],
  ['Q2_0', 41, 'Q2_0'],
  ['IQ2_XXS', 19, 'IQ2_XXS'],
  ['TQ2_0', 37, 'TQ2_0'],
  ['IQ1_M', 31, 'IQ1_M'],
  ['TQ1_0', 36, 'TQ1_0'],
  ['IQ1_S', 24, 'IQ1_S'],
  ['Q1_0', 40, 'Q1_0'],
];

/** Every named mix, from the most bits per weight to the fewest. */
export const mixes: readonly Mix[] = rows.map(([name, fileType, type]) => ({ name, fileType, type }));

/** Other names of mixes, as llama-quantize takes them; MXFP4 is ours. */
export const mixAliases: Readonly<Record<string, string>> = {
  Q3_K: 'Q3_K_M',
  Q4_K: 'Q4_K_M',
  Q5_K: 'Q5_K_M',
  MXFP4: 'MXFP4_MOE',
};

/** Every type that a tensor can be written in, from the most bits to the fewest. NVFP4 belongs to no mix. */
export const singleTypes: readonly string[] = [
  'F32', 'F16', 'BF16', 'Q8_0', 'Q6_K', 'Q5_1', 'Q5_K', 'Q5_0', 'Q4_1', 'Q4_K', 'Q4_0', 'IQ4_NL', 'NVFP4', 'MXFP4', 'IQ4_XS', 'Q3_K',
  'IQ3_S', 'IQ3_XXS', 'Q2_K', 'IQ2_S', 'IQ2_XS', 'Q2_0', 'IQ2_XXS', 'TQ2_0', 'IQ1_M', 'TQ1_0', 'IQ1_S', 'Q1_0',
]; // prettier-ignore

/** The mix of this name or alias, in any case. @throws USAGE with the nearest name */
export function findMix(name: string): Mix {
  const wanted = name.toUpperCase();
  const mix = mixes.find(({ name: known }) => known === (mixAliases[wanted] ?? wanted));
  if (mix) return mix;
  const known = [...mixes.map((row) => row.name), ...Object.keys(mixAliases)];
  throw unknownName('mix', name, known);
}

/** The mix that asks for one type on all tensors: of its own name, else its plain (S) form, else the first made of it. */
export function mixOfType(type: string): Mix | null {
  const made = mixes.filter((mix) => mix.type === type);
  return made.find(({ name }) => name === type) ?? made.find(({ name }) => name === `${type}_S`) ?? made[0] ?? null;
}

/** The type of this name, in any case. @throws USAGE with the nearest name */
export function findType(name: string): string {
  const type = singleTypes.find((known) => known === name.toUpperCase());
  if (type === undefined) throw unknownName('tensor type', name, singleTypes);
  return type;
}

function unknownName(kind: string, name: string, known: readonly string[]): AppError {
  const nearest = nearestName(name, known);
  const question = nearest === null ? '' : ` Did you mean ${nearest}?`;
  return new AppError('USAGE', `There is no ${kind} "${name}".${question} Known: ${known.join(', ')}.`, {
    name,
    nearest,
    known: [...known],
  });
}

/** The most edits at which a name still counts as a slip of the pen. */
const mostEdits = 2;

/** The known name with the fewest edits to `name`; case, `_` and `-` do not count. null when none is near. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const letters = (text: string): string => text.toUpperCase().replaceAll(/[_-]/g, '');
  let best: string | null = null;
  let fewest = mostEdits + 1;
  for (const candidate of known) {
    const edits = editDistance(letters(name), letters(candidate));
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}

/** Levenshtein distance: insertions, deletions and replacements. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replace, above[j]! + 1, row[j - 1]! + 1));
    }
  }
  return row[b.length]!;
}
