// What the window says of an inspected model: rows of facts, and what can and cannot be done with it.
import type { Inspection } from '../../../src-main/contract/model.ts';
import { formatCount, formatFileSize, formatParameters } from '../../words/numbers.ts';
import { useWords, type Words } from '../../words/words.ts';

const words = useWords();

export interface Fact {
  label: string;
  value: string;
  /** One sentence on a technical term. */
  hint?: string;
}

export interface Ability {
  name: string;
  /** null where it can be done, else the reason why not. */
  reason: string | null;
}

export function factsOf(model: Inspection): Fact[] {
  const { config, experts } = model;
  const { facts: names } = words.model;
  const facts: (Fact | null)[] = [
    { label: names.architecture, value: model.architecture },
    { label: names.parameters, value: formatParameters(model.parameters) },
    { label: names.file, value: formatFileSize(model.fileBytes), hint: words.numbers.filesAndMemory },
    { label: names.types, value: typesInWords(model.tensorTypes), hint: names.typesHint },
    config.contextLength === null
      ? null
      : {
          label: names.context,
          value: words.numbers.tokens(formatCount(config.contextLength)),
          hint: names.contextHint,
        },
    config.numHiddenLayers === null
      ? null
      : { label: names.layers, value: layersInWords(config.numHiddenLayers, config.hiddenSize) },
    experts === null ? null : { label: names.experts, value: expertsInWords(experts) },
  ];
  return facts.filter((fact) => fact !== null);
}

/** `F16, F32`, the type of most tensors first. */
export function typesInWords(types: Inspection['tensorTypes']): string {
  const names = Object.entries(types)
    .sort(([, a], [, b]) => b - a)
    .map(([name]) => name);
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? words.model.facts.moreTypes(shown, names.length - 3) : shown;
}

function layersInWords(layers: number, hiddenSize: number | null): string {
  return hiddenSize === null ? `${layers}` : words.model.facts.layersAndWidth(layers, formatCount(hiddenSize));
}

function expertsInWords({ count, used, sharedCount }: NonNullable<Inspection['experts']>): string {
  const { expertsUsed, expertsShared } = words.model.facts;
  return sharedCount > 0 ? expertsShared(used, count, sharedCount) : expertsUsed(used, count);
}

export function abilitiesOf({ can }: Inspection): Ability[] {
  const names = Object.entries(words.model.abilities) as [keyof Words['model']['abilities'], string][];
  return names.map(([key, name]) => {
    const answer = can[key];
    return { name, reason: answer === true ? null : answer };
  });
}
