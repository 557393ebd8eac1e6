// Fields of a model's own configuration that only some families have, from whichever form it is in.
import { malformed } from '../../contract/errors.ts';
import type { ModelHeader } from '../formats/model-source.ts';

export interface FieldNames {
  /** Key of config.json. */
  huggingFace?: string;
  /** Key of the GGUF header without the architecture's name before it. */
  gguf?: string;
}

export class ModelFacts {
  readonly model: ModelHeader;

  constructor(model: ModelHeader) {
    this.model = model;
  }

  get isGguf(): boolean {
    return this.model.gguf !== undefined;
  }

  /** A field as the file has it, arrays of numbers as such; null where it is missing or has no name in this form. */
  value(names: FieldNames): unknown {
    const { gguf, config, configJson } = this.model;
    if (!gguf) return (names.huggingFace === undefined ? null : configJson?.[names.huggingFace]) ?? null;
    if (names.gguf === undefined) return null;
    const value = gguf.metadata.get(`${config.architecture}.${names.gguf}`);
    if (value?.type === 'array') return gguf.metadata.numbers(`${config.architecture}.${names.gguf}`);
    return value?.value ?? null;
  }

  /** A field as a number, null where there is none. */
  number(names: FieldNames): number | null {
    const value = this.value(names);
    return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null;
  }

  /** A field as a text, null where there is none. */
  text(names: FieldNames): string | null {
    const value = this.value(names);
    return typeof value === 'string' ? value : null;
  }

  /** @throws FILE_MALFORMED naming the field */
  malformed(key: string, expected: string, value: unknown): never {
    const actual = value === undefined || value === null ? 'no such field' : JSON.stringify(value).slice(0, 100);
    throw malformed(this.model.path, `field ${key}`, { expected, actual, key });
  }
}
