// Parameters of a model before and after per-block slicing, in closed form: from sizes alone, no weights read. Norms have
// none left (their weights are folded), the output layer is one of its own, and each step has its shortcut.
import type { SlicingConfig } from '../../../contract/results.ts';
import { describeModel, layerTensorShape } from '../../architectures/decoder.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import type { LayerRole, LayerTensor, LinearRole } from '../../architectures/architecture.ts';
import { readHfConfig } from '../../formats/hf-config.ts';
import type { JsonObject } from '../../formats/json-object.ts';
import { fusedRoles } from '../../graph/fusion.ts';
import { hasHeadBias } from './fused-form.ts';
import type { Described } from './fused-form.ts';
import { siteLayout, siteWidths, stepsPerLayer } from './site-widths.ts';
import type { SiteLayout } from './site-widths.ts';

/** Linears of a layer that read one normed residual, and the one that writes back to it. */
export interface BranchShape {
  /** Rows of all linears that read: (H + 2·KV)·hd in attention, F or 2·F in an MLP. */
  inputRows: number;
  /** Columns of the one that writes: H·hd, or F. */
  outputColumns: number;
  /** Elements of the biases of those that read, once norms are folded. */
  inputBiases: number;
  hasOutputBias: boolean;
}

export interface ParameterShape extends SiteLayout {
  vocabSize: number;
  /** Rows of a table of learned positions; 0 without one. */
  positions: number;
  attention: BranchShape;
  mlp: BranchShape;
  /** Elements of the norms of query and key heads in a layer, which stay. */
  headNorms: number;
  hasHeadBias: boolean;
}

/** Of a step that reads `input` columns and leaves `output`: its branches, without the shortcut. */
function branchParameters(branch: BranchShape, input: number, output: number): number {
  const { inputRows, outputColumns, inputBiases, hasOutputBias } = branch;
  return input * inputRows + inputBiases + output * (outputColumns + (hasOutputBias ? 1 : 0));
}

function countWith(shape: ParameterShape, widths: readonly number[], hasShortcuts: boolean): number {
  const { blockLayout, vocabSize, positions, attention, mlp, headNorms, hasHeadBias, numHiddenLayers } = shape;
  const branches = blockLayout === 'sequential' ? [[attention], [mlp]] : [[attention, mlp]];
  const steps = stepsPerLayer(blockLayout);
  let sum = (vocabSize + positions) * widths[0]! + vocabSize * widths.at(-1)! + (hasHeadBias ? vocabSize : 0);
  for (let step = 0; step < numHiddenLayers * steps; step += 1) {
    const [input, output] = [widths[step]!, widths[step + 1]!];
    for (const branch of branches[step % steps]!) sum += branchParameters(branch, input, output);
    if (hasShortcuts) sum += input * output;
  }
  return sum + numHiddenLayers * headNorms;
}

/** Parameters of a sliced model, shortcuts and untied head counted. @throws USAGE as siteWidths */
export const countSlicedParameters = (shape: ParameterShape, config: SlicingConfig): number =>
  countWith(shape, siteWidths(config, shape), true);

/** Parameters of the shortcuts alone, n·o of every step. @throws USAGE as siteWidths */
export function countShortcuts(layout: SiteLayout, config: SlicingConfig): number {
  const widths = siteWidths(config, layout);
  return widths.slice(1).reduce((sum, output, step) => sum + widths[step]! * output, 0);
}

/** Parameters of the dense model once its norms are folded and its head is untied: nothing is sliced, no shortcuts. */
export const countFusedParameters = (shape: ParameterShape): number =>
  countWith(
    shape,
    Array.from({ length: shape.numHiddenLayers * stepsPerLayer(shape.blockLayout) + 1 }, () => shape.hiddenSize),
    false,
  );

/** What the formula needs, of an open model. All layers have the tensors of the first. */
export const parameterShapeOf = (decoder: Decoder): ParameterShape =>
  shapeOf(decoder, new Set(decoder.layers[0]!.keys()));

/**
 * What the formula needs, of a parsed config.json alone; `file` is what errors call it. A flag that it does not have is
 * as transformers has it: linears have biases in families of LayerNorm, and else none that are optional.
 * @throws FILE_MALFORMED, UNSUPPORTED_ARCHITECTURE as openDecoder
 */
export function parameterShapeOfConfig(configJson: JsonObject, file = 'config.json'): ParameterShape {
  const { config, experts } = readHfConfig(file, configJson);
  const described = describeModel({
    ...{ kind: 'safetensors', path: file, experts, configJson, tensors: [], parameters: 0, fileBytes: 0 },
    config: { ...config, tiedEmbeddings: config.tiedEmbeddings ?? false },
  });
  const { layer, norm } = described.architecture;
  const hasOptional = (role: LayerRole): boolean => {
    const flags = [configJson['enable_bias'], configJson[/^[qkvo]Bias$/.test(role) ? 'attention_bias' : 'mlp_bias']];
    return flags.find((flag) => typeof flag === 'boolean') ?? norm.kind === 'layernorm';
  };
  const tensors = Object.entries(layer) as [LayerRole, LayerTensor][];
  const roles = tensors.filter(([role, { isOptional }]) => !isOptional || hasOptional(role)).map(([role]) => role);
  return shapeOf(described, new Set(roles));
}

/** `roles`: tensors of a layer. */
function shapeOf(described: Described, roles: ReadonlySet<LayerRole>): ParameterShape {
  const { architecture, config } = described;
  const { positions, layer } = architecture;
  const fused = fusedRoles(architecture, roles);
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const rows = (role: LayerRole): number => layerTensorShape(layer[role]!, config).own.rows;
  const branch = (inputs: readonly LinearRole[], output: LinearRole): BranchShape => ({
    inputRows: sum(inputs.map(rows)),
    outputColumns: layerTensorShape(layer[output]!, config).shape[0]!,
    inputBiases: sum(inputs.filter((role) => fused.has(`${role}Bias`)).map(rows)),
    hasOutputBias: fused.has(`${output}Bias`),
  });
  return {
    ...siteLayout(described),
    vocabSize: config.vocabSize,
    positions: positions.kind === 'learned' ? config.longestWindow! + positions.offset : 0,
    attention: branch(architecture.attentionInputs, architecture.attentionOutput),
    mlp: branch(architecture.mlpInputs, architecture.mlpOutput),
    headNorms: sum((['qNorm', 'kNorm'] as const).filter((role) => roles.has(role)).map(rows)),
    hasHeadBias: hasHeadBias(architecture),
  };
}
