// The folder of a finished calibration: the summed Gram with traces and spectra, and the importance of every column.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { malformed } from '../../contract/errors.ts';
import { checkGram } from './gram-file.ts';

/** Keys of a Gram's `madeOf` that tie the folder together. */
export const fingerprintKey = 'fingerprint';
export const importanceSumKey = 'importance_sha256';

export interface StatisticsFiles {
  /** general.type `snug.gram` (gram-file.ts). */
  gram: string;
  /** llama.cpp's imatrix GGUF (quantization/importance-file.ts). */
  importance: string;
}

export const statisticsFiles = (folder: string): StatisticsFiles => ({
  gram: path.join(folder, 'gram.gguf'),
  importance: path.join(folder, 'importance.gguf'),
});

/**
 * Reads all of a saved calibration once, a piece at a time.
 * @throws FILE_MALFORMED, FILE_NOT_FOUND when it is not whole, or belongs to another fingerprint
 */
export async function checkStatistics(folder: string, fingerprint: string): Promise<void> {
  const { gram, importance } = statisticsFiles(folder);
  const madeOf = await checkGram(gram);
  const found = madeOf[fingerprintKey];
  if (found !== fingerprint) throw malformed(gram, 'fingerprint', { expected: fingerprint, actual: String(found) });
  const expected = String(madeOf[importanceSumKey]);
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(importance)) hash.update(bytes as Uint8Array);
  const actual = hash.digest('hex');
  if (actual !== expected) throw malformed(importance, 'content', { expected: `the SHA-256 ${expected}`, actual });
}
