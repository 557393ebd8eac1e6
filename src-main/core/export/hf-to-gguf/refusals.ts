// What is not built is refused by name before any work: a file that llama.cpp would run wrongly is worse than none.
// The reference converter writes several of these without a word (sliding windows, dynamic rope scaling).
import { join } from 'node:path';
import { AppError } from '../../../contract/errors.ts';
import { namedScaling } from '../../architectures/rope-scaling.ts';
import type { ModelConfig } from '../../formats/model-config.ts';
import { rotaryShare, slidingWindow } from './dimensions.ts';
import type { Family } from './families/family.ts';
import type { ConfigJson, ModelFolder } from './model-folder.ts';

/** @throws UNSUPPORTED_ARCHITECTURE with the reason */
export function refuseUnbuilt(family: Family, folder: ModelFolder, model: ModelConfig): void {
  const file = join(folder.path, 'config.json');
  const reason =
    architectureReason(family, folder.config) ??
    weightsReason(folder) ??
    ropeReason(family, folder) ??
    windowReason(family, folder.config, model);
  if (reason === null) return;
  throw new AppError('UNSUPPORTED_ARCHITECTURE', `${file}: ${reason}. Snug does not convert such models yet.`, {
    file,
    modelType: family.modelType,
    reason,
  });
}

/**
 * A class of transformers by its name, of a task that is none of ours or of another family. Names of people's own (MyFineTune)
 * say nothing, as `model_type` selects the family. Source: transformers models/auto/modeling_auto.py.
 */
const isTransformersTask = (name: string): boolean =>
  /(For[A-Z]\w+|LMHeadModel|DoubleHeadsModel|RewardModel|PreTrainedModel)$/.test(name);

function architectureReason(family: Family, { architectures, hidden_act: activation }: ConfigJson): string | null {
  const foreign = architectures?.find((name) => !family.architectures.includes(name) && isTransformersTask(name));
  if (foreign !== undefined) return `the architecture is ${foreign}, not ${family.architectures.join(' or ')}`;
  const { activations = ['silu'] } = family;
  if (typeof activation === 'string' && !activations.includes(activation)) {
    return `hidden_act is ${activation}, not ${activations.join(' or ')}`;
  }
  return null;
}

function weightsReason({ config, hasModules, names }: ModelFolder): string | null {
  if (config.quantization_config) {
    return `the weights are quantised already (${config.quantization_config.quant_method ?? 'quantization_config'})`;
  }
  if (hasModules) return 'it is an embedding model of sentence-transformers (modules.json)';
  if (names.has('tekken.json') && !names.has('tokenizer.json')) {
    return 'its only tokenizer is tekken.json; add the tokenizer.json of the same model';
  }
  return null;
}

function ropeReason(family: Family, folder: ModelFolder): string | null {
  const scaling = namedScaling(folder.config);
  if (scaling !== null && !family.ropeScalings.some((built) => built === scaling.name)) {
    return `rope scaling "${scaling.name}" (built: ${family.ropeScalings.join(', ') || 'none'})`;
  }
  const share = rotaryShare(family, folder);
  return share === 1 || typeof family.rotaryShare === 'number'
    ? null
    : `rope turns only a share of ${share} of each head (partial_rotary_factor)`;
}

function windowReason(family: Family, config: ConfigJson, model: ModelConfig): string | null {
  const slides = config.layer_types?.some((kind) => kind !== 'full_attention');
  if (slides === true) return 'some layers have a sliding window (layer_types)';
  if (family.ignoresWindow || (family.hasWindowSwitch && config.use_sliding_window !== true)) return null;
  const window = slidingWindow(family, config);
  const context = model.contextLength ?? family.defaults.contextLength;
  if (window === null || window >= context) return null;
  const firstLayer = family.hasWindowSwitch ? (config.max_window_layers ?? 0) : 0;
  if (firstLayer >= (model.numHiddenLayers ?? 0)) return null;
  return `a sliding window of ${window} tokens is active in a context of ${context}`;
}
