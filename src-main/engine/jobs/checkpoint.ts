// What a job finished on the way: a stage that was completed is not done again when the job is taken up after a stop.
// A checkpoint belongs to exactly the inputs that it was made from.
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { version } from '../../contract/version.ts';
import { notePeakMemory, type JobContext } from './context.ts';

const saved = z.object({
  /** Hash of all that decides the value. */
  key: z.string(),
  value: z.unknown(),
  /** What the stage left in the context besides. */
  warnings: z.array(z.string()),
  device: z.string(),
  seconds: z.record(z.string(), z.number()),
  peakMemoryBytes: z.number(),
});
type Saved = z.infer<typeof saved>;

interface Checkpoint<T> {
  /** Of the stage. */
  name: string;
  /** All that decides the value, beside the version and the number of threads; as JSON. */
  inputs: unknown;
  schema: z.ZodType<T>;
  /** Whether a value of an earlier attempt still holds; by default it does. */
  holds?: (value: T) => Promise<boolean>;
}

/**
 * The value that this stage had when the job was stopped, with the warnings, the device and the seconds that it took,
 * else what `work` gives, kept from then on.
 */
export async function checkpointed<T>(
  context: JobContext,
  { name, inputs, schema, holds = async () => true }: Checkpoint<T>,
  work: () => Promise<T>,
): Promise<T> {
  const key = createHash('sha256')
    .update(JSON.stringify({ version, threads: context.threads, inputs }))
    .digest('hex');
  const file = path.join(context.checkpoints, `${name}-${key.slice(0, 16)}.json`);
  const earlier = await read(file);
  if (earlier?.key === key) {
    const value = schema.safeParse(earlier.value);
    if (value.success && (await holds(value.data))) {
      takeOver(context, earlier);
      return value.data;
    }
  }
  const [warningsBefore, secondsBefore] = [context.warnings.length, { ...context.seconds }];
  const value = await work();
  const spent = (stage: string): number => context.seconds[stage]! - (secondsBefore[stage] ?? 0);
  const stages = Object.keys(context.seconds).filter((stage) => spent(stage) > 0);
  await write(file, {
    key,
    value,
    warnings: context.warnings.slice(warningsBefore),
    device: context.device,
    seconds: Object.fromEntries(stages.map((stage) => [stage, spent(stage)])),
    peakMemoryBytes: context.peakMemoryBytes,
  });
  return value;
}

/** Leaves the context as the stage did. */
function takeOver(context: JobContext, { warnings, device, seconds, peakMemoryBytes }: Saved): void {
  context.warnings.push(...warnings);
  context.device = device;
  for (const [stage, spent] of Object.entries(seconds)) context.seconds[stage] = (context.seconds[stage] ?? 0) + spent;
  notePeakMemory(context, peakMemoryBytes);
}

async function read(file: string): Promise<Saved | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return saved.parse(JSON.parse(text));
  } catch {
    return null; // torn by a power cut: the stage is done again
  }
}

/** Appears whole. */
async function write(file: string, value: Saved): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const part = `${file}.${process.pid}.part`;
  const handle = await open(part, 'w');
  try {
    await handle.writeFile(JSON.stringify(value));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, file);
}

/** Moves a finished file of a stage to where it is kept until the job is done, and answers with its new place. */
export async function keepFile(context: JobContext, file: string): Promise<string> {
  await mkdir(context.checkpoints, { recursive: true });
  const handle = await open(file, 'r');
  await handle.sync().finally(() => handle.close());
  const kept = path.join(context.checkpoints, path.basename(file));
  await rm(kept, { force: true });
  await rename(file, kept);
  return kept;
}
