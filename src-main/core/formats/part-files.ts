// Names of unfinished files. Every process writes parts of its own, PATH.PROCESS.part, so that two never write into
// one; parts whose process is gone are left-overs of a crash and are removed.
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isElsewhere, judge, processTag, readProcessTag, tagPattern, thisProcess } from '../process-identity.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { isTouched, isYounger } from '../sign-of-life.ts';

/** What a part is where an output has more than one: who makes it, a candidate for it, a folder that becomes it. */
export type PartRole = 'claim' | 'folder' | 'export' | `candidate-${number}`;

/** What stands behind a path in the name of a part of it; a part may have parts. */
const partEnding = new RegExp(
  String.raw`^(?:\.(claim|folder|export|candidate-\d+))?(?:\.${tagPattern}\.part)*\.(${tagPattern})\.part$`,
);

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

interface FoundPart {
  path: string;
  writer: ProcessIdentity;
  isClaim: boolean;
}

/** Parts that nobody claims, and whose writer cannot be judged, are kept this long after they were written to. */
const unclaimedLifeMs = 24 * 3600 * 1000;

/** Removes the parts that dead processes left of `path`; returns those of living ones, but for this process. */
export async function sweepParts(path: string): Promise<LivingPart[]> {
  const parts = await othersParts(path);
  const unsure = parts.filter(({ writer }) => isUnsure(writer));
  const isUnsureUsed = await isUsed(unsure);
  const living: LivingPart[] = [];
  for (const part of parts) {
    const { path: name, writer, isClaim } = part;
    if (unsure.includes(part) ? isUnsureUsed : judge(writer) === 'alive')
      living.push({ path: name, pid: writer.pid, isClaim });
    else await rm(name, { force: true, recursive: true });
  }
  return living;
}

async function othersParts(path: string): Promise<FoundPart[]> {
  const [folder, prefix] = [dirname(path), basename(path)];
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix));
  return names.flatMap((name) => {
    const [, role, tag] = partEnding.exec(name.slice(prefix.length)) ?? [];
    const writer = tag === undefined || tag === processTag(thisProcess) ? null : readProcessTag(tag);
    return writer === null ? [] : [{ path: join(folder, name), writer, isClaim: role === 'claim' }];
  });
}

/** What has our id and not our name is of an older process that had the id, unless ids are other ones there. */
const isUnsure = (writer: ProcessIdentity): boolean =>
  (writer.pid !== process.pid || isElsewhere(writer)) && judge(writer) === 'unsure';

/** By the claims among the parts, which their run touches; a worker's parts have the name of another process than its claim. */
async function isUsed(parts: readonly FoundPart[]): Promise<boolean> {
  const paths = (some: readonly FoundPart[]): string[] => some.map(({ path }) => path);
  const claims = parts.filter(({ isClaim }) => isClaim);
  if (claims.length > 0) return isTouched(paths(claims));
  return isYounger(paths(parts), unclaimedLifeMs);
}
