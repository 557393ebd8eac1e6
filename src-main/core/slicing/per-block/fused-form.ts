// The tensors that a family has once its norms are fused (core/graph/fusion.ts) and it is sliced: which there are, under
// which names of Hugging Face, and how large they are between sites of given widths.
import type {
  Architecture,
  LayerRole,
  LayerTensor,
  LayerTensors,
  LinearRole,
} from '../../architectures/architecture.ts';
import { layerTensorName, layerTensorShape } from '../../architectures/decoder.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import { shortcutNames } from '../../architectures/layer-tensors.ts';
import { globalTensorName } from '../../export/weights/decoder-tensors.ts';
import type { TensorEntry, TensorShape } from '../../formats/tensor.ts';
import { fusedRoles } from '../../graph/fusion.ts';
import { blockSteps } from './block-steps.ts';
import type { SlicedRole } from './block-steps.ts';
import type { StepWidths } from './sliced-graphs.ts';

export type Described = Pick<Decoder, 'architecture' | 'config'>;

/** Whether the output layer has a bias: its own, or what came of the last norm's. */
export const hasHeadBias = ({ globals }: Architecture): boolean =>
  globals.lmHeadBias !== undefined || globals.finalNormBias !== undefined;

/** Name of the output layer's bias. */
export const headBiasName = ({ architecture }: Pick<Decoder, 'architecture'>): string =>
  architecture.globals.lmHeadBias?.huggingFace ??
  globalTensorName({ architecture }, 'lmHead').replace(/weight$/, 'bias');

/** A table of learned positions with the rows that are none; null without one. */
export function positionsTable({ positions, model }: Pick<Decoder, 'positions' | 'model'>): TensorEntry | null {
  return positions && model.tensors.find(({ name }) => name === positions.name)!;
}

/** Tensors of a layer without norms of the residual, and with the biases that theirs leave behind. */
function fusedLayer({ layer, norms }: Architecture): LayerTensors {
  const kept = Object.entries(layer).filter(([role]) => !/^(attention|mlp)Norm(Bias)?$/.test(role));
  const made = norms
    .filter(({ norm }) => layer[`${norm}Bias`] !== undefined)
    .flatMap(({ linears }) => linears)
    .map((role): [LayerRole, LayerTensor] => {
      const matrix = layer[role]!;
      const own = layer[`${role}Bias`];
      const shape = [matrix.shape[0]] as const;
      const created = { ...matrix, huggingFace: matrix.huggingFace.replace(/weight$/, 'bias'), shape };
      return [`${role}Bias`, { ...(own ?? created), isOptional: false }];
    });
  return Object.fromEntries([...kept, ...made]);
}

/** A tensor of a sliced layer. */
export interface LayerForm {
  role: SlicedRole;
  /** In a file: of one that holds several linears, that of all. */
  name: string;
  /** Of the file's tensor, fastest first. */
  shape: number[];
  /** The linear's own rows, where the tensor holds several. */
  own: { first: number; rows: number } | null;
  isOptional: boolean;
}

/** Widths of the steps of one layer. */
export function layerWidths({ architecture }: Described, widths: readonly number[], layer: number): StepWidths[] {
  const steps = blockSteps(architecture).length;
  return Array.from({ length: steps }, (_, step) => {
    const site = layer * steps + step;
    return { input: widths[site]!, output: widths[site + 1]! };
  });
}

/** Name of a layer's tensor in a file. */
export const slicedTensorName = (
  { architecture }: Pick<Decoder, 'architecture'>,
  layer: number,
  role: LayerRole,
): string => layerTensorName(architecture, fusedLayer(architecture)[role]!, layer, 'safetensors');

/** Name of a step's shortcut in a file. */
export const shortcutName = (
  { architecture }: Pick<Decoder, 'architecture'>,
  layer: number,
  role: keyof typeof shortcutNames,
): string => `${architecture.huggingFaceLayers}.${layer}.${shortcutNames[role]}`;

/** Every tensor that a layer of a sliced model may have. */
export function layerForms(described: Described, widths: readonly number[], layer: number): LayerForm[] {
  const { architecture, config } = described;
  const steps = blockSteps(architecture);
  const ownWidths = layerWidths(described, widths, layer);
  const linears = (Object.entries(fusedLayer(architecture)) as [LayerRole, LayerTensor][]).map(([role, tensor]) => {
    const { shape, own } = layerTensorShape(tensor, config);
    const reads = steps.findIndex(({ inputs }) => inputs.includes(role as LinearRole));
    const writes = steps.findIndex(({ outputs }) => outputs.some((out) => role === out || role === `${out}Bias`));
    if (reads !== -1) shape[0] = ownWidths[reads]!.input;
    if (writes !== -1) shape[shape.length - 1] = ownWidths[writes]!.output;
    const name = layerTensorName(architecture, tensor, layer, 'safetensors');
    return { role: role as SlicedRole, name, shape, own: tensor.siblings ? own : null, isOptional: tensor.isOptional };
  });
  const shortcuts = steps.map(({ shortcut: role }, step): LayerForm => {
    // x·S with x in rows: [n, o], as the released code saves it.
    const shape = [ownWidths[step]!.output, ownWidths[step]!.input];
    return { role, name: shortcutName(described, layer, role), shape, own: null, isOptional: false };
  });
  return [...linears, ...shortcuts];
}

interface DenseOrSliced extends Pick<Decoder, 'architecture' | 'config' | 'model' | 'positions'> {
  layers: readonly ReadonlyMap<SlicedRole | LayerRole, TensorEntry>[];
}

/** Every tensor of a model sliced to these widths: names in a file, shapes with the fastest first. */
export function slicedTensors(decoder: DenseOrSliced, widths: readonly number[]): Omit<TensorShape, 'type'>[] {
  const { architecture, config, layers } = decoder;
  const { vocabSize } = config;
  const table = positionsTable(decoder);
  const found = [
    { name: globalTensorName(decoder, 'embeddings'), shape: [widths[0]!, vocabSize] },
    ...(table ? [{ name: globalTensorName(decoder, 'positions'), shape: [widths[0]!, table.shape[1]!] }] : []),
    ...layers.flatMap((entries, layer) => {
      const roles: ReadonlySet<string> = fusedRoles(architecture, entries.keys() as Iterable<LayerRole>);
      const isThere = ({ role, isOptional }: LayerForm): boolean => !isOptional || roles.has(role);
      return layerForms(decoder, widths, layer).filter(isThere);
    }),
    { name: globalTensorName(decoder, 'lmHead'), shape: [widths.at(-1)!, vocabSize] },
    ...(hasHeadBias(architecture) ? [{ name: headBiasName(decoder), shape: [vocabSize] }] : []),
  ];
  // A tensor that holds several linears is there for each of them.
  return [...new Map(found.map(({ name, shape }) => [name, { name, shape }])).values()];
}
