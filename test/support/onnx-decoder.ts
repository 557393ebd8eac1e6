// An exported ONNX decoder run by stock onnxruntime: what a user of the file does.
import { InferenceSession, Tensor } from 'onnxruntime-node';

export type Cache = Record<string, Tensor>;

export interface OnnxDecoder {
  session: InferenceSession;
  /** Runs rows of tokens of one length behind a cache; `mask` rows count the cache too, by default all ones. */
  run(
    rows: readonly (readonly number[])[],
    options?: { cache?: Cache | undefined; mask?: readonly (readonly number[])[] },
  ): Promise<{ logits: Float32Array; shape: readonly number[]; cache: Cache }>;
}

/** Places of the ones of a mask's last `length` columns: positions that leave padding out. */
function positionsOf(mask: readonly number[], length: number): number[] {
  return mask
    .map((_, index) => Math.max(0, mask.slice(0, index + 1).reduce((sum, one) => sum + one, 0) - 1))
    .slice(-length);
}

const int64 = (rows: readonly (readonly number[])[]): Tensor =>
  new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]!.length]);

/** `sizes`: of an empty cache, per head. */
export async function openOnnxDecoder(
  file: string,
  { numKeyValueHeads, headDim }: { numKeyValueHeads: number; headDim: number },
): Promise<OnnxDecoder> {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const pastNames = session.inputNames.filter((name) => name.startsWith('past_key_values.'));
  return {
    session,
    async run(rows, { cache, mask } = {}) {
      const empty = (): Tensor =>
        new Tensor('float32', new Float32Array(), [rows.length, numKeyValueHeads, 0, headDim]);
      const past = cache ?? Object.fromEntries(pastNames.map((name) => [name, empty()]));
      const pastLength = Object.values(past)[0]!.dims[2]!;
      const all = rows.map((row) => Array.from({ length: pastLength + row.length }, () => 1));
      const seen = mask ?? all;
      const outputs = await session.run({
        input_ids: int64(rows),
        attention_mask: int64(seen),
        position_ids: int64(seen.map((row) => positionsOf(row, rows[0]!.length))),
        ...past,
      });
      const { logits, ...present } = outputs;
      const next = Object.entries(present).map(([name, value]) => [name.replace('present', 'past_key_values'), value]);
      return {
        logits: logits!.data as Float32Array,
        shape: logits!.dims,
        cache: Object.fromEntries(next) as Cache,
      };
    },
  };
}
