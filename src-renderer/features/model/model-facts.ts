// What the window says of an inspected model: rows of facts, and what can and cannot be done with it.
import type { Inspection } from '../../../src-main/contract/model.ts';
import { formatFileSize } from '../../../src-main/contract/units.ts';
import { formatCount, formatParameters } from '../../words/numbers.ts';

export interface Fact {
  label: string;
  value: string;
  /** One sentence on hover for a technical term. */
  hint?: string;
}

export interface Ability {
  name: string;
  /** null where it can be done, else the reason why not. */
  reason: string | null;
}

export function factsOf(model: Inspection): Fact[] {
  const { config, experts } = model;
  const facts: (Fact | null)[] = [
    { label: 'Architecture', value: model.architecture },
    { label: 'Parameters', value: formatParameters(model.parameters) },
    {
      label: 'File',
      value: formatFileSize(model.fileBytes),
      hint: 'Files are counted in GB (1000³), memory in GiB (1024³).',
    },
    {
      label: 'Types',
      value: typesInWords(model.tensorTypes),
      hint: 'How the numbers are stored: the type of most tensors first.',
    },
    config.contextLength === null
      ? null
      : {
          label: 'Context',
          value: `${formatCount(config.contextLength)} tokens`,
          hint: 'The longest text the model can look back on.',
        },
    config.numHiddenLayers === null ? null : { label: 'Layers', value: layersInWords(config) },
    experts === null ? null : { label: 'Experts', value: expertsInWords(experts) },
  ];
  return facts.filter((fact) => fact !== null);
}

function typesInWords(types: Inspection['tensorTypes']): string {
  const names = Object.entries(types)
    .sort(([, a], [, b]) => b - a)
    .map(([name]) => name);
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
}

function layersInWords({ numHiddenLayers, hiddenSize }: Inspection['config']): string {
  return hiddenSize === null ? `${numHiddenLayers}` : `${numHiddenLayers}, ${formatCount(hiddenSize)} wide`;
}

function expertsInWords({ count, used, sharedCount }: NonNullable<Inspection['experts']>): string {
  const shared = sharedCount > 0 ? ` and ${sharedCount} shared` : '';
  return `${used} of ${count} at a time${shared}`;
}

const abilityNames: Record<keyof Inspection['can'], string> = {
  quantize: 'Quantise',
  importance: 'Measure importance',
  sliceShared: 'Slice, shared rotation',
  slicePerBlock: 'Slice, per block',
  prune: 'Prune',
  dropLayers: 'Drop layers',
};

export function abilitiesOf({ can }: Inspection): Ability[] {
  return Object.entries(abilityNames).map(([key, name]) => {
    const answer = can[key as keyof Inspection['can']];
    return { name, reason: answer === true ? null : answer };
  });
}
