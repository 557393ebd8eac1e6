// An ONNX model that core/export/onnx wrote, with the cache of one text.
import type { DecodingSession } from '../../core/generation/generate-tokens.ts';
import { openCachedSession } from './cached-session.ts';
import type { OnnxOptions } from './onnx-runtime.ts';

export interface OpenedDecodingSession extends DecodingSession {
  close(): Promise<void>;
}

/** Opens FILE.onnx with an empty cache. @throws as openCachedSession */
export async function openDecodingSession(file: string, options: OnnxOptions): Promise<OpenedDecodingSession> {
  const session = await openCachedSession(file, options);
  const { vocabSize } = session;
  return {
    vocabSize,
    advance: async (ids) => (await session.advance(ids, 1)).subarray(-vocabSize),
    close: () => session.close(),
  };
}
