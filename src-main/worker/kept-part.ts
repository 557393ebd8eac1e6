// The key of a kept part, with what only the worker knows of how the bytes come about.
import { createHash } from 'node:crypto';
import type { KeptPart } from '../core/formats/kept-part.ts';
import { openGgml } from './native/native-quantizer.ts';

/** `basis` is that of a slice: another LAPACK has another one. */
export function keptWith(kept: KeptPart | null, basis: Float64Array | null): KeptPart | null {
  if (!kept) return null;
  const hash = createHash('sha256').update(`${kept.key} ${openGgml().version}`);
  if (basis) hash.update(new Uint8Array(basis.buffer, basis.byteOffset, basis.byteLength));
  return { folder: kept.folder, key: hash.digest('hex') };
}
