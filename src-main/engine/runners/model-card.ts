// The model card beside an exported model: README.md with the head that hubs read (huggingface.co/docs/hub/model-cards),
// what the model was made from and how, its sizes, and what was measured. Only what a record or the file says is told.
import path from 'node:path';
import { z } from 'zod';
import { isHubAddress } from '../../contract/hub-address.ts';
import { plan as planSchema } from '../../contract/plan.ts';
import { proof as proofSchema, quality as qualitySchema, type Proof, type Quality } from '../../contract/results.ts';
import { formatFileSize, formatMemory } from '../../contract/units.ts';
import type { ExportedModel } from './exported-model.ts';

const resultPart = z.object({
  plan: planSchema.nullish().catch(null),
  type: z.string().optional().catch(undefined),
  method: z.string().optional().catch(undefined),
  quality: qualitySchema.optional().catch(undefined),
  proof: proofSchema.optional().catch(undefined),
});

/** The card of a model; the same model gives the same text. */
export function modelCard(model: ExportedModel): string {
  const { record } = model;
  const result = resultPart.safeParse(record?.result ?? {}).data ?? {};
  const sections = [
    head(model),
    `# ${model.name}`,
    record
      ? `Made by Snug ${record.versions['snug'] ?? ''} from \`${sourceName(record.recipe.model)}\`. The whole recipe is in the file that ends in \`.recipe.json\`.`
      : 'Placed here by Snug, which did not make it: how it was made and how good it is are not known.',
    table(facts(model, result)),
    ...(result.quality ? [qualitySection(result.quality)] : []),
    ...(result.proof ? [proofSection(result.proof)] : []),
    licenceSection(model),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

const head = (model: ExportedModel): string => {
  const licence = text(model, 'general.license');
  const base = text(model, 'general.base_model.0.repo_url');
  const rows = [
    ...(licence === null ? [] : [`license: ${JSON.stringify(licence)}`]),
    ...(base === null ? [] : [`base_model: ${JSON.stringify(base.replace(/^https:\/\/huggingface\.co\//, ''))}`]),
    ...(model.form === 'gguf' ? ['library_name: gguf'] : []),
    'pipeline_tag: text-generation',
  ];
  return ['---', ...rows, '---'].join('\n');
};

/** A text of the GGUF's metadata. */
function text({ metadata }: ExportedModel, key: string): string | null {
  const value = metadata?.get(key);
  return value?.type === 'string' && value.value !== '' ? value.value : null;
}

/** A card is passed on: where a file lay on this machine is nobody's business. */
const sourceName = (model: string): string => (isHubAddress(model) ? model : path.basename(model));

type Row = [name: string, value: string | null | undefined];

const table = (rows: Row[]): string =>
  [
    '| | |',
    '| --- | --- |',
    ...rows.filter(([, value]) => value).map(([name, value]) => `| ${name} | ${cell(value!)} |`),
  ].join('\n');

const cell = (value: string): string => value.replaceAll('|', String.raw`\|`).replaceAll(/\s+/g, ' ');

function facts(model: ExportedModel, result: z.infer<typeof resultPart>): Row[] {
  const { record, files, bytes, sha256, metadata } = model;
  const method = result.plan?.summary ?? [result.method, result.type].filter(Boolean).join(', ');
  const parts = files.length > 1 ? `${files.length} files, ` : '';
  return [
    ['source', record && sourceName(record.recipe.model)],
    ['made with', record ? `snug ${record.recipe.verb}` : null],
    ['method', method],
    ['architecture', metadata ? text(model, 'general.architecture') : null],
    ['size', `${parts}${formatFileSize(bytes)} (${bytes} bytes)`],
    ['memory planned', result.plan ? formatMemory(result.plan.memory.totalBytes) : null],
    ['SHA-256', sha256],
    ['run', model.run],
  ];
}

function qualitySection(quality: Quality): string {
  const { text: name, windows, windowTokens, engine, kind, dense, compressed, kld, perplexityRatio } = quality;
  const measured = (value: number, error: number): string => `${value.toPrecision(4)} ± ${error.toPrecision(2)}`;
  const error = quality.perplexityRatioStandardError;
  const agreement = quality.topOneAgreement;
  return [
    '## Quality',
    `Measured on the text \`${name}\`, ${windows} windows of ${windowTokens} tokens, by ${engine} (${kind}); ± is one standard error.`,
    table([
      ['perplexity', measured(compressed.perplexity, compressed.standardError)],
      ['perplexity of the source', dense && measured(dense.perplexity, dense.standardError)],
      [
        'ratio',
        perplexityRatio === undefined
          ? null
          : `${perplexityRatio.toPrecision(4)}${error === undefined ? '' : ` ± ${error.toPrecision(2)}`}`,
      ],
      [
        'KL divergence to the source',
        kld && `${measured(kld.mean, kld.standardError)}, 99th percentile ${kld.p99.toPrecision(3)}`,
      ],
      ['same next word as the source', agreement === undefined ? null : `${(100 * agreement).toFixed(1)} %`],
    ]),
  ].join('\n\n');
}

const proofSection = ({ runner, build, passed, against, meanKld, tolerance, sample }: Proof): string =>
  [
    '## Proof',
    table([
      ['runner', `${runner} ${build}`],
      ['passed', passed ? 'yes' : 'no'],
      [
        'mean KL divergence',
        meanKld === null ? null : `${meanKld.toPrecision(3)} to the ${against} (limit ${tolerance.toPrecision(3)})`,
      ],
      ['it wrote', JSON.stringify(sample)],
    ]),
  ].join('\n\n');

function licenceSection(model: ExportedModel): string {
  const rows: Row[] = [
    ['licence', text(model, 'general.license')],
    ['its name', text(model, 'general.license.name')],
    ['its text', text(model, 'general.license.link')],
    ['author', text(model, 'general.author')],
    ['organisation', text(model, 'general.organization')],
    ['page', text(model, 'general.url') ?? text(model, 'general.source.url')],
    ['based on', text(model, 'general.base_model.0.name')],
  ];
  if (!rows.some(([, value]) => value))
    return '## Licence\n\nThe file names none. That of the model it was made from applies.';
  return `## Licence\n\nAs the file says; that of the model it was made from applies.\n\n${table(rows)}`;
}
