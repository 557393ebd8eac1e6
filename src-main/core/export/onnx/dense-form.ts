// A dense decoder, or one that was sliced by one rotation, as its ONNX graph has it.
import type { LayerRole, NormRole } from '../../architectures/architecture.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import type { WeightType } from '../../formats/weight-types.ts';
import { decoderTensors, globalTensorName, layerTensorName } from '../weights/decoder-tensors.ts';
import type { ExportedForm } from './exported-form.ts';

/** Matrices of `type`. */
export function denseForm(decoder: Decoder, type: WeightType): ExportedForm {
  const { model, architecture, config, layers, embeddings, lmHead, ropeDivisors } = decoder;
  const { hiddenSize, normEps } = config;
  const isTied = lmHead === embeddings;
  const nameOf: ExportedForm['nameOf'] = (role) =>
    decoder[role] ? globalTensorName(decoder, role === 'lmHead' && isTied ? 'embeddings' : role) : null;
  return {
    ...{ model, architecture, config, ropeDivisors, nameOf },
    width: hiddenSize,
    tensors: decoderTensors(decoder, type),
    layers: layers.map((entries, layer) => {
      const nameOfRole = (role: LayerRole): string => layerTensorName(decoder, layer, role);
      return {
        roles: new Set(entries.keys()),
        nameOf: nameOfRole,
        residualParts: (g) => ({
          norm: (rows, role: NormRole) => {
            const scale = g.weight(nameOfRole(role));
            return architecture.norm.kind === 'layernorm'
              ? g.layerNorm(rows, scale, g.weight(nameOfRole(`${role}Bias`)), normEps)
              : g.rmsNorm(rows, scale, normEps);
          },
          residual: (rows, branches) => g.sum([rows, ...branches]),
        }),
      };
    }),
    finalNorm: (g, rows) => {
      const [scale, bias] = [g.weight(nameOf('finalNorm')!), nameOf('finalNormBias')];
      return bias === null ? g.rmsNorm(rows, scale, normEps) : g.layerNorm(rows, scale, g.weight(bias), normEps);
    },
  };
}
