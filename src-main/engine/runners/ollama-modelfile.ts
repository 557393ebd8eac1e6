// The Modelfile (docs.ollama.com/modelfile): FROM, the context it was fitted for, and a TEMPLATE only where Ollama would not
// get the model's own.
// From 0.30.0 on Ollama runs a GGUF with its own chat template where the Modelfile has no TEMPLATE (ollama/ollama,
// server/routes.go, chatModeForModel and shouldUseGoTemplate). Before, it compared the template with a list of short ones by
// edit distance and took `{{ .Prompt }}` where none was near (server/model.go, detectChatTemplate; template/template.go,
// Named): longer templates of the same families, with tools, were lost. Those families are written out for it here.
import type { ExportedModel } from './exported-model.ts';
import { fittedRun } from './exported-model.ts';

/** The first version that runs a model's own template, merges split files, and writes what it takes in anew. */
const ownTemplateSince = [0, 30];

interface Family {
  name: string;
  /** All of them stand in the model's own template. */
  marks: string[];
  /** As Ollama itself writes it (ollama/ollama, template/NAME.gotmpl and NAME.json). */
  template: string;
  stop: string[];
}

const families: Family[] = [
  {
    name: 'ChatML',
    marks: ['<|im_start|>', '<|im_end|>'],
    template:
      '{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n',
    stop: ['<|im_start|>', '<|im_end|>'],
  },
  {
    name: 'Llama 3',
    marks: ['<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'],
    template:
      '{{- range .Messages }}<|start_header_id|>{{ .Role }}<|end_header_id|>\n\n{{ .Content }}<|eot_id|>\n{{- end }}<|start_header_id|>assistant<|end_header_id|>\n\n',
    stop: ['<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'],
  },
  {
    name: 'Phi 3',
    marks: ['<|user|>', '<|assistant|>', '<|end|>'],
    template: '{{- range .Messages }}<|{{ .Role }}|>\n{{ .Content }}<|end|>\n{{ end }}<|assistant|>\n',
    stop: ['<|end|>', '<|system|>', '<|user|>', '<|assistant|>'],
  },
];

/** Whether this Ollama is older than the version that takes a model as it is; unknown ones count as newer. */
export function isOlder(version: string | null): boolean {
  if (version === null) return false;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major === ownTemplateSince[0] && minor < ownTemplateSince[1]!;
}

export function modelfile(model: ExportedModel, version: string | null): string {
  const fitted = fittedRun(model);
  const lines = [
    `# ${model.name}, exported by Snug. ollama create NAME -f Modelfile`,
    ...model.files.map(({ path }) => `FROM ${path}`),
    ...(fitted ? ['# The context that it was fitted for.', `PARAMETER num_ctx ${fitted.settings.context}`] : []),
    ...(fitted && fitted.settings.kvType !== 'f16'
      ? [
          `# It was fitted with a ${fitted.settings.kvType} cache, which the server is told, not a model (docs.ollama.com/faq):`,
          `# OLLAMA_FLASH_ATTENTION=1 OLLAMA_KV_CACHE_TYPE=${fitted.settings.kvType}`,
        ]
      : []),
    ...templateLines(model, version),
  ];
  return `${lines.join('\n')}\n`;
}

function templateLines({ metadata }: ExportedModel, version: string | null): string[] {
  const own = metadata?.get('tokenizer.chat_template');
  if (own?.type !== 'string') return ['# The file has no chat template: Ollama passes text on as it is.'];
  const taken = '# No TEMPLATE: Ollama takes the chat template of the file itself';
  if (!isOlder(version))
    return [`${taken} (from 0.30; an older one takes what it knows: export again with that one running).`];
  const family = families.find(({ marks }) => marks.every((mark) => own.value.includes(mark)));
  if (!family)
    return [
      '# No TEMPLATE: Ollama before 0.30 knows this one, or passes text on as it is. Newer ones take it from the file.',
    ];
  return [
    `# ${family.name}: turns of a conversation alone. Ollama before 0.30 cannot use the template of the file, which may know`,
    '# tools and more.',
    `TEMPLATE """${family.template}"""`,
    ...family.stop.map((word) => `PARAMETER stop "${word}"`),
  ];
}
