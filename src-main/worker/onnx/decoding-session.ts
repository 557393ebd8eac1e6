// An ONNX model that core/export/onnx wrote, with the cache of one text.
import { AppError } from '../../contract/errors.ts';
import type { DecodingSession } from '../../core/generation/generate-tokens.ts';
import { openCachedSession } from './cached-session.ts';
import type { OnnxOptions } from './onnx-runtime.ts';

export interface OpenedDecodingSession extends DecodingSession {
  close(): Promise<void>;
}

/**
 * Opens FILE.onnx with an empty cache.
 * @throws FILE_MALFORMED when onnxruntime does not take it, or its inputs or outputs are not those of docs/onnx.md; OUT_OF_MEMORY
 */
export async function openDecodingSession(
  file: string,
  { threads }: Pick<OnnxOptions, 'threads'>,
): Promise<OpenedDecodingSession> {
  const session = await openCachedSession(file, { threads }).catch((error: unknown) => {
    const failure = AppError.from(error);
    if (failure.code === 'FILE_MALFORMED') throw failure;
    const reason = String(failure.details['reason']);
    const code = /alloc|memory/i.test(reason) ? 'OUT_OF_MEMORY' : 'FILE_MALFORMED';
    throw new AppError(code, `onnxruntime cannot open ${file}: ${reason}`, { file, reason }, error);
  });
  const { vocabSize } = session;
  return {
    vocabSize,
    advance: async (ids) => (await session.advance(ids, 1)).subarray(-vocabSize),
    close: () => session.close(),
  };
}
