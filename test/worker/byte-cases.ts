// The cases of the byte comparison with llama.cpp: every named mix, and every type alone.
import path from 'node:path';
import { expect } from 'vitest';
import { AppError } from '../../src-main/contract/errors.ts';
import { openGguf } from '../../src-main/core/formats/gguf-reader.ts';
import { createGgufWriter, ggufLayout } from '../../src-main/core/formats/gguf-writer.ts';
import { mixes, singleTypes } from '../../src-main/core/quantization/mixes.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { compareQuantisers, quantizeReference, quiet } from './quantize-oracle.ts';

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

/** Types with a codebook search take seconds on a small model. */
const isSlow = ({ name }: ByteCase): boolean => name.startsWith('IQ');
export const fastCases: ByteCase[] = [...namedMixes, ...alone].filter((row) => !isSlow(row));
export const slowCases: ByteCase[] = [...namedMixes, ...alone].filter(isSlow);

/** Quantises with both and expects one file, to the last byte. */
export async function expectSameBytes(input: string, folder: string, { fileType, pure }: ByteCase, importance: string | null): Promise<void> {
  const { differing, ourSha256, referenceSha256 } = await compareQuantisers({ folder, input, fileType, pure, importance });
  expect(differing).toEqual([]);
  expect(ourSha256).toBe(referenceSha256);
}

/** Without importance llama.cpp refuses some types; then the worker has to refuse them too. */
export async function expectSameWithoutImportance(input: string, folder: string, row: ByteCase): Promise<void> {
  const refusal = await quantizeReference({ input, output: path.join(folder, 'reference.gguf'), ...row }).then(
    () => null,
    (error: Error) => error.message,
  );
  if (refusal === null) return expectSameBytes(input, folder, row, null);
  expect(refusal).toMatch(/requires an (imatrix|importance matrix)/);
  // The type that the log names for the tensor that it names.
  const tensor = /offending tensor: (\S+)/.exec(refusal)![1]!;
  const type = /target type: (\S+)/.exec(refusal)![1]!;
  const request = { source: input, output: path.join(folder, 'refused.gguf'), types: { [tensor]: type }, fileType: row.fileType, importance: null, threads: 1 };
  const error = await handlers.quantize(request, quiet).then(
    () => null,
    (thrown: unknown) => AppError.from(thrown),
  );
  expect(error).toMatchObject({ code: 'IMPORTANCE_MISSING', details: { tensor, targetType: type.toUpperCase() } });
}

/** The first `layers` layers of a model of the llama family, as a model of its own. */
export async function cutModel(input: string, layers: number, output: string): Promise<string> {
  const model = await openGguf(input);
  const kept = model.tensors.filter(({ name }) => Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? 0) < layers);
  const writer = await createGgufWriter(output, ggufLayout(model.metadata.set('llama.block_count', { type: 'uint32', value: layers }), kept));
  for (const tensor of kept) await writer.writeTensor(tensor.name, await model.read(tensor));
  await writer.finish();
  await model.close();
  return output;
}
