// The Dequantize port of core on ggml's kernels.
import type { Dequantize } from '../../core/graph/float-values.ts';
import { AppError } from '../../contract/errors.ts';
import { openGgml } from './native-quantizer.ts';

/** Decodes block types with `threads` threads. @throws UNSUPPORTED_TYPE; the addon is opened at the first call */
export function nativeDequantizer(threads: number): Dequantize {
  return async (name, source, output) => {
    const { addon, types } = openGgml();
    const type = types.get(name);
    if (!type?.canDequantize) throw new AppError('UNSUPPORTED_TYPE', `ggml cannot decode ${name}.`, { type: name });
    // The addon wants buffers that start at a multiple of 8 bytes; a reader's view may not.
    const isAligned = source.byteOffset % 8 === 0 && output.byteOffset % 8 === 0;
    const [from, into] = isAligned ? [source, output] : [source.slice(), new Float32Array(output.length)];
    await addon.dequantize({
      type: type.id,
      source: from,
      elements: output.length,
      output: into,
      threads,
      cancel: null,
    });
    if (into !== output) output.set(into);
  };
}
