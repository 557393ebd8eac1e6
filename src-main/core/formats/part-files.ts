// Names of unfinished files. Every process writes parts of its own, PATH.PROCESS.part, so that two never write into
// one; parts whose process is gone are left-overs of a crash and are removed.
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isAlive, processTag, readProcessTag, thisProcess } from '../process-identity.ts';

/** What a part is where an output has more than one: who makes it, a candidate for it, a folder that becomes it. */
export type PartRole = 'claim' | 'folder' | 'export' | `candidate-${number}`;

/** What stands behind a path in the name of a part of it; a part may have parts. */
const partEnding = /^(?:\.(claim|folder|export|candidate-\d+))?(?:\.[\d-]+[\da-f]*\.part)*\.([\d-]+[\da-f]*)\.part$/;

/** Parts that this process writes now. */
const ownParts = new Set<string>();

export function partPath(path: string, role?: PartRole): string {
  return `${path}${role === undefined ? '' : `.${role}`}.${processTag(thisProcess)}.part`;
}

/** Takes a part's name for one writer of this process; false when another one has it. */
export function claimPart(part: string): boolean {
  if (ownParts.has(part)) return false;
  ownParts.add(part);
  return true;
}

export function releasePart(part: string): void {
  ownParts.delete(part);
}

/** A part that another process is writing. */
export interface LivingPart {
  path: string;
  pid: number;
  isClaim: boolean;
}

/** Removes the parts that dead processes left of `path`; returns those of living ones, but for this process. */
export async function sweepParts(path: string): Promise<LivingPart[]> {
  const folder = dirname(path);
  const living: LivingPart[] = [];
  for (const name of await readdir(folder)) {
    const [, role, tag] = (name.startsWith(basename(path)) && partEnding.exec(name.slice(basename(path).length))) || [];
    if (tag === undefined || tag === processTag(thisProcess)) continue;
    const writer = readProcessTag(tag);
    if (writer === null) continue;
    const part = join(folder, name);
    // Under our id and not our name: of an older process that had the id.
    if (writer.pid !== process.pid && isAlive(writer)) {
      living.push({ path: part, pid: writer.pid, isClaim: role === 'claim' });
    } else await rm(part, { force: true, recursive: true });
  }
  return living;
}
