// snug inspect: what a model is, and what can be done with it.
import type { Inspection } from '../../contract/model.ts';
import { formatFileSize } from '../../contract/units.ts';
import { exitCodes } from '../exit-codes.ts';
import { everywhere } from '../options.ts';
import { modelName, modelPath } from '../paths.ts';
import { count, largeCount } from '../report/numbers.ts';
import { hubFields } from '../report/hub.ts';
import { warningLines } from '../report/quality.ts';
import type { Canvas } from '../report/style.ts';
import { widthRange } from '../report/slice.ts';
import { fields, type Field } from '../report/table.ts';
import type { Verb } from '../verb.ts';

export const inspect: Verb = {
  name: 'inspect',
  summary: 'show what a model is and what can be done with it',
  usage: 'MODEL',
  takesModel: true,
  options: ['offline', ...everywhere],
  examples: ['snug inspect model.gguf', 'snug inspect hub:Qwen/Qwen3-0.6B'],
  async run(model, { offline }, session) {
    const value = await session.engine().call.inspect({ model: modelPath(model, session.resolve), offline });
    return { value, text: (canvas) => describe(value, canvas), exitCode: exitCodes.done };
  },
};

const abilityNames: Record<keyof Inspection['can'], string> = {
  quantize: 'quantise',
  importance: 'importance per weight',
  slicePerBlock: 'slice per block',
  sliceShared: 'slice, shared rotation',
  prune: 'prune',
  dropLayers: 'drop layers',
};

function describe(model: Inspection, { style }: Canvas): string[] {
  const { config, tokenizer, experts, widths, hub } = model;
  const shown = (value: number | null): string => (value === null ? 'not stated' : count(value));
  const types = Object.entries(model.tensorTypes).map(([type, tensors]) => `${type} × ${tensors}`);
  const rows: Field[] = [
    ['path', model.path],
    ['format', model.format],
    ['tensors', types.join(', ')],
    ['layers', shown(config.numHiddenLayers)],
    ['hidden size', `${shown(config.hiddenSize)}, feed-forward ${shown(config.intermediateSize)}`],
    [
      'heads',
      `${shown(config.numAttentionHeads)} of ${shown(config.headDim)}, ${shown(config.numKeyValueHeads)} for keys and values`,
    ],
    ['vocabulary', `${shown(config.vocabSize)}, ${config.tiedEmbeddings ? 'tied' : 'untied'} embeddings`],
    ['context', `${shown(config.contextLength)} tokens`],
    ['tokenizer', tokenizer ? [tokenizer.model, tokenizer.pre].filter(Boolean).join(', ') : 'none'],
  ];
  if (hub) rows.push(...hubFields(hub));
  else if (model.repository !== null) rows.push(['repository', `hub:${model.repository}`]);
  if (widths) rows.push(['widths', `${widthRange(widths)} of ${widths.hidden_size}`]);
  if (experts)
    rows.push(['experts', `${experts.count}, ${experts.used} used per token, ${experts.sharedCount} shared`]);
  const abilities = Object.entries(abilityNames).map(([key, name]): Field => {
    const can = model.can[key as keyof Inspection['can']];
    return [name, can === true ? style.good('yes') : `${style.careful('no')}: ${can}`];
  });
  return [
    style.strong(
      `${modelName(model.path)}: ${model.architecture}, ${largeCount(model.parameters)} parameters, ${formatFileSize(model.fileBytes)}`,
    ),
    '',
    ...fields(rows),
    '',
    ...fields(abilities),
    ...(model.warnings.length === 0 ? [] : ['', ...warningLines(model.warnings, style)]),
  ];
}
