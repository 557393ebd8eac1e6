// What a job finished on the way: a stage that was completed is not done again when the job is taken up after a stop.
// A checkpoint belongs to exactly the inputs that it was made from.
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { version } from '../../contract/version.ts';
import type { JobContext } from './context.ts';

const saved = z.object({ inputs: z.string(), value: z.unknown() });

interface Checkpoint<T> {
  /** Of the stage; a file name. */
  name: string;
  /** All that decides the value. */
  inputs: unknown;
  schema: z.ZodType<T>;
}

/** The value that this stage had when the job was stopped, else what `work` gives, kept from then on. */
export async function checkpointed<T>(
  context: JobContext,
  { name, inputs, schema }: Checkpoint<T>,
  work: () => Promise<T>,
): Promise<T> {
  const file = path.join(context.checkpoints, `${name}.json`);
  const key = createHash('sha256')
    .update(JSON.stringify({ version, device: context.device, inputs }))
    .digest('hex');
  const earlier = await read(file);
  if (earlier?.inputs === key) {
    const value = schema.safeParse(earlier.value);
    if (value.success) return value.data;
  }
  const value = await work();
  await write(file, { inputs: key, value });
  return value;
}

async function read(file: string): Promise<z.infer<typeof saved> | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return saved.parse(JSON.parse(text));
  } catch {
    return null; // torn by a power cut: the stage is done again
  }
}

/** Appears whole. */
async function write(file: string, value: z.infer<typeof saved>): Promise<void> {
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

/** Moves a finished file of a stage to where it is kept, and answers with its new place. */
export async function keepFile(context: JobContext, file: string, name: string): Promise<string> {
  await mkdir(context.checkpoints, { recursive: true });
  const kept = path.join(context.checkpoints, name);
  await rm(kept, { recursive: true, force: true });
  await rename(file, kept);
  return kept;
}
