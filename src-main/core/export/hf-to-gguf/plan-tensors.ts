// Which tensor of the folder becomes which of the GGUF file, in which type: all checked before a byte is written.
// Source: llama.cpp v0.4.0, conversion/base.py (prepare_tensors): vectors and norms as F32, weights as they are.
import { AppError, malformed } from '../../../contract/errors.ts';
import type { ModelSource } from '../../formats/model-source.ts';
import type { TensorEntry, TensorShape } from '../../formats/tensor.ts';
import type { Dimensions } from './dimensions.ts';
import type { Family, TensorRule } from './families/family.ts';
import { isFloatType, type FloatType } from '../../formats/float-values.ts';
import type { WeightType } from '../../formats/weight-types.ts';

export interface TensorPlan extends TensorShape {
  type: WeightType;
  source: TensorEntry & { type: FloatType };
  /** Heads whose rows are permuted; null = rows stay in order. */
  permutedHeads: number | null;
}

/** Buffers of old checkpoints that are computed at run time. */
const computedBuffers = /\.rotary_emb\.inv_freq$|\.attention\.(masked_)?bias$/;

interface Target {
  rule: TensorRule;
  name: string;
  suffix: '.weight' | '.bias';
}

/**
 * The tensors to write, in the order of the source. `type` sets the type of all weights; null keeps each one's own.
 * @throws UNSUPPORTED_ARCHITECTURE for a tensor the family does not have, FILE_MALFORMED for a missing tensor or a
 * shape other than config.json says, UNSUPPORTED_TYPE for weights that are not floating-point numbers
 */
export function planTensors(
  family: Family,
  source: ModelSource,
  dimensions: Dimensions,
  type: WeightType | null,
): TensorPlan[] {
  const targets = targetsOf(family, dimensions.layers);
  const plans: TensorPlan[] = [];
  const found = new Set<string>();
  for (const entry of source.tensors) {
    if (computedBuffers.test(entry.name)) continue;
    const target = targets.get(entry.name.replace(/^model\./, ''));
    if (!target) throw unknownTensor(family, source, entry);
    // Tied weights were saved twice: transformers ignores the copy.
    if (target.rule.isHead === true && dimensions.tiedEmbeddings) continue;
    if (found.has(target.name)) {
      throw malformed(source.path, `tensor ${entry.name}`, {
        expected: 'each tensor once',
        actual: 'two of this name',
      });
    }
    found.add(target.name);
    plans.push(planOf(source, entry, target, { dimensions, type }));
  }
  refuseMissing(source, targets, found, dimensions);
  return plans;
}

/** Name in the folder without `model.` -> target. */
function targetsOf(family: Family, layers: number): Map<string, Target> {
  const targets = new Map<string, Target>();
  for (const rule of family.tensors) {
    const copies = rule.hf.includes('{layer}') ? layers : 1;
    for (let layer = 0; layer < copies; layer += 1) {
      const [hf, gguf] = [rule.hf, rule.gguf].map((name) => name.replace('{layer}', String(layer)));
      for (const suffix of ['.weight', '.bias'] as const) {
        if (suffix === '.weight' || rule.mayHaveBias) {
          targets.set(`${hf}${suffix}`, { rule, name: `${gguf}${suffix}`, suffix });
        }
      }
    }
  }
  return targets;
}

function planOf(
  source: ModelSource,
  entry: TensorEntry,
  { rule, name, suffix }: Target,
  { dimensions, type }: { dimensions: Dimensions; type: WeightType | null },
): TensorPlan {
  if (!isFloat(entry)) {
    throw new AppError(
      'UNSUPPORTED_TYPE',
      `${entry.name} of ${source.path} has type ${entry.type}; weights of type F32, F16, BF16 or F64 are converted.`,
      { tensor: entry.name, type: entry.type },
    );
  }
  const { sizes, heads, keyValueHeads } = dimensions;
  const whole = rule.shape.map((dimension) => sizes[dimension]);
  const shape = suffix === '.bias' ? whole.slice(-1) : whole;
  if (String(entry.shape) !== String(shape)) {
    throw malformed(source.path, `tensor ${entry.name}`, {
      expected: `shape ${shape.join(' x ')}, as config.json says`,
      actual: entry.shape.join(' x '),
      tensor: entry.name,
    });
  }
  const own = entry.type === 'F64' ? 'F32' : entry.type;
  return {
    name,
    shape,
    type: shape.length < 2 ? 'F32' : (type ?? own),
    source: entry,
    permutedHeads: rule.permutedHeads === undefined ? null : rule.permutedHeads === 'queries' ? heads : keyValueHeads,
  };
}

function isFloat(entry: TensorEntry): entry is TensorPlan['source'] {
  return isFloatType(entry.type);
}

function unknownTensor(family: Family, source: ModelSource, entry: TensorEntry): AppError {
  return new AppError(
    'UNSUPPORTED_ARCHITECTURE',
    `${source.path} has a tensor ${entry.name}, which a ${family.modelType} model of its size does not have.`,
    { path: source.path, modelType: family.modelType, tensor: entry.name },
  );
}

function refuseMissing(
  source: ModelSource,
  targets: ReadonlyMap<string, Target>,
  found: ReadonlySet<string>,
  { tiedEmbeddings }: Dimensions,
): void {
  for (const [hf, { rule, name, suffix }] of targets) {
    const isNeeded = suffix === '.weight' ? !(rule.isHead === true && tiedEmbeddings) : rule.mayHaveBias === 'needed';
    if (!isNeeded || found.has(name)) continue;
    throw malformed(source.path, `tensor ${hf}`, { expected: 'the tensor', actual: 'no such tensor', tensor: hf });
  }
}
