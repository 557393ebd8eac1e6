// The steps of a block: what reads the residual behind one norm and what writes back to it. Sequential blocks have two,
// parallel ones one with both branches. Each step of a sliced model has a shortcut matrix (SliceGPT §3.3).
import type { ShortcutRole } from '../../architectures/layer-tensors.ts';
import type { Architecture, LayerRole, LinearRole, NormRole } from '../../architectures/architecture.ts';

/** Tensors of a sliced layer: norms of the residual are folded. */
export type SlicedRole = Exclude<LayerRole, NormRole | `${NormRole}Bias`> | ShortcutRole;

export interface BlockStep {
  /** The norm behind which the step's linears read. */
  norm: NormRole;
  /** Linears whose columns turn with the basis of the step's input. */
  inputs: readonly LinearRole[];
  /** Linears whose rows turn with the basis of its output. */
  outputs: readonly LinearRole[];
  shortcut: ShortcutRole;
}

/** The steps of every block of a family, in order: one for each norm. */
export function blockSteps({ norms, attentionOutput, mlpOutput }: Architecture): readonly BlockStep[] {
  const outputs = norms.length === 1 ? [[attentionOutput, mlpOutput]] : [[attentionOutput], [mlpOutput]];
  const shortcuts = ['attentionShortcut', 'mlpShortcut'] as const;
  return norms.map(({ norm, linears: inputs }, index) => ({
    ...{ norm, inputs, outputs: outputs[index]!, shortcut: shortcuts[index]! },
  }));
}

/** Roles whose tensors a step uses, of those that a layer has: linears, their biases, and norms of heads. */
export function rolesOfStep({ inputs, outputs }: BlockStep, roles: Iterable<LayerRole>): LayerRole[] {
  const linears = [...inputs, ...outputs];
  return Array.from(roles).filter((role) => {
    if (role === 'qNorm' || role === 'kNorm') return linears.includes('q');
    return linears.some((linear) => role === linear || role === `${linear}Bias`);
  });
}
