// The cases of the byte comparison with llama.cpp: every named mix, and every type alone.
import path from 'node:path';
import { expect } from 'vitest';
import { openGguf } from '../../src-main/core/formats/gguf-reader.ts';
import { tensorBytes } from '../../src-main/core/formats/ggml-types.ts';
import { createGgufWriter, ggufLayout } from '../../src-main/core/formats/gguf-writer.ts';
import { mixes, singleTypes } from '../../src-main/core/quantization/mixes.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { compareQuantisers, quantizeReference, quiet, thrownBy } from './quantize-oracle.ts';

export interface ByteCase {
  name: string;
  fileType: number;
  pure: boolean;
}

const namedMixes = mixes.map(({ name, fileType }) => ({ name, fileType, pure: false }));
/** llama_model_quantize has no file type for NVFP4: it cannot be asked for it. */
const alone = singleTypes
  .filter((type) => type !== 'NVFP4')
  .map((type) => ({ name: `${type} alone`, fileType: mixes.find((mix) => mix.type === type)!.fileType, pure: true }));

export const cases: readonly ByteCase[] = [...namedMixes, ...alone];

/** Quantises with both and expects one file, to the last byte. */
export async function expectSameBytes(
  input: string,
  folder: string,
  { fileType, pure }: ByteCase,
  importance: string | null,
): Promise<void> {
  const { differing, ourSha256, referenceSha256 } = await compareQuantisers({
    folder,
    input,
    fileType,
    pure,
    importance,
  });
  expect(differing).toEqual([]);
  expect(ourSha256).toBe(referenceSha256);
}

/** Without importance llama.cpp refuses some types; then the worker has to refuse them too. */
export async function expectSameWithoutImportance(input: string, folder: string, row: ByteCase): Promise<void> {
  const refusal = await quantizeReference({ input, output: path.join(folder, 'reference.gguf'), ...row }).then(
    () => null,
    (error: unknown) => String(error),
  );
  if (refusal === null) return expectSameBytes(input, folder, row, null);
  expect(refusal).toMatch(/requires an (imatrix|importance matrix)/);
  // The type that the log names for the tensor that it names.
  const tensor = /offending tensor: (\S+)/.exec(refusal)![1]!;
  const type = /target type: (\S+)/.exec(refusal)![1]!;
  const request = {
    source: input,
    output: path.join(folder, 'refused.gguf'),
    types: { [tensor]: type },
    fileType: row.fileType,
    importance: null,
    threads: 1,
  };
  expect(await thrownBy(() => handlers.quantize(request, quiet))).toMatchObject({
    code: 'IMPORTANCE_MISSING',
    details: { tensor, targetType: type.toUpperCase() },
  });
}

/** A model with at most `rows` rows of each tensor: small, while layers, names and row lengths stay as they are. */
export async function thinModel(input: string, rows: number, output: string): Promise<string> {
  const model = await openGguf(input);
  const thinned = model.tensors.map((tensor) => ({
    tensor,
    name: tensor.name,
    type: tensor.type,
    shape: tensor.shape.map((size, index) => (index === 1 ? Math.min(size, rows) : size)),
  }));
  const writer = await createGgufWriter(output, ggufLayout(model.metadata, thinned));
  for (const { tensor, name, type, shape } of thinned)
    await writer.writeTensor(name, await model.read(tensor, 0, tensorBytes(type, shape)));
  await writer.finish();
  await model.close();
  return output;
}
