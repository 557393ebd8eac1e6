// The steps of a block: what reads the residual behind one norm and what writes back to it. Sequential blocks have two,
// parallel ones one with both branches. Each step of a sliced model has a shortcut matrix (SliceGPT §3.3).
import type { ShortcutRole } from '../../architectures/layer-tensors.ts';
import type { Architecture, LayerRole, LinearRole } from '../../architectures/architecture.ts';

/** Tensors of a sliced layer: norms of the residual are folded. */
export type SlicedRole = Exclude<LayerRole, 'attentionNorm' | 'mlpNorm'> | ShortcutRole;

export interface BlockStep {
  /** The norm behind which the step's linears read. */
  norm: 'attentionNorm' | 'mlpNorm';
  /** Linears whose columns turn with the basis of the step's input. */
  inputs: readonly LinearRole[];
  /** Linears whose rows turn with the basis of its output. */
  outputs: readonly LinearRole[];
  shortcut: ShortcutRole;
}

/** The steps of every block of a family, in order. */
export function blockSteps(architecture: Architecture): readonly BlockStep[] {
  const { attentionInputs, attentionOutput, mlpInputs, mlpOutput } = architecture;
  if (architecture.blockLayout === 'parallel') {
    return [
      {
        norm: 'attentionNorm',
        inputs: [...attentionInputs, ...mlpInputs],
        outputs: [attentionOutput, mlpOutput],
        shortcut: 'attentionShortcut',
      },
    ];
  }
  return [
    { norm: 'attentionNorm', inputs: attentionInputs, outputs: [attentionOutput], shortcut: 'attentionShortcut' },
    { norm: 'mlpNorm', inputs: mlpInputs, outputs: [mlpOutput], shortcut: 'mlpShortcut' },
  ];
}

/** Roles whose tensors a step uses, of those that a layer has: linears, their biases, and norms of heads. */
export function rolesOfStep({ inputs, outputs }: BlockStep, roles: Iterable<LayerRole>): LayerRole[] {
  const linears = [...inputs, ...outputs];
  return Array.from(roles).filter((role) => {
    if (role === 'qNorm' || role === 'kNorm') return linears.includes('q');
    return linears.some((linear) => role === linear || role === `${linear}Bias`);
  });
}
