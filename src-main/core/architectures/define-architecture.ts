// Completes a family's description with what most families share and what follows from its layout.
import type { Architecture, LinearRole, NormReaders } from './architecture.ts';
import { decoderGlobals } from './layer-tensors.ts';

/** What is said of a family only where it differs. */
type Usual = 'positions' | 'slidingWindow' | 'activations' | 'globals' | 'huggingFaceLayers';
/** What follows from the layout and the tensors. */
type Derived = 'norms' | 'attentionInputs' | 'attentionOutput' | 'mlpInputs' | 'mlpOutput';
type Described = Omit<Architecture, Usual | Derived> & Partial<Pick<Architecture, Usual>>;

const usual: Pick<Architecture, Usual> = {
  positions: { kind: 'rotary', share: 'whole' },
  slidingWindow: null,
  activations: ['silu'],
  globals: decoderGlobals,
  huggingFaceLayers: 'model.layers',
};

/** The whole description: rotary positions of whole heads, SiLU and a llama's names, unless the family says otherwise. */
export function defineArchitecture<const A extends Described>(family: A): A & Architecture {
  const attentionInputs: readonly LinearRole[] = ['q', 'k', 'v'];
  const mlpInputs: readonly LinearRole[] = family.layer.gate ? ['gate', 'up'] : ['up'];
  const norms: readonly NormReaders[] =
    family.blockLayout === 'parallel'
      ? [{ norm: 'attentionNorm', linears: [...attentionInputs, ...mlpInputs] }]
      : [
          { norm: 'attentionNorm', linears: attentionInputs },
          { norm: 'mlpNorm', linears: mlpInputs },
        ];
  return { ...usual, ...family, norms, attentionInputs, attentionOutput: 'o', mlpInputs, mlpOutput: 'down' };
}
