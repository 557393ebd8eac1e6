// Where the window stood and in which language the shell spoke, kept in the window's folder. Pure but for the two functions
// at the end; a state that is damaged, or of displays that are gone, is worth as much as none.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { shellLanguages } from '../contract/window-app.ts';

const rectangle = z.object({ x: z.int(), y: z.int(), width: z.int().positive(), height: z.int().positive() });
export type Rectangle = z.infer<typeof rectangle>;

const windowState = z.object({
  bounds: rectangle.nullable().default(null),
  isMaximized: z.boolean().default(false),
  language: z.enum(shellLanguages).nullable().default(null),
});
export type WindowState = z.infer<typeof windowState>;

/** Less than this of a window in sight, and it cannot be taken hold of. */
const graspable = { width: 160, height: 48 };

export const smallestWindow = { width: 900, height: 600 };
const usualWindow = { width: 1100, height: 780 };

/** Where to open: as kept where a display still shows it, else in the usual size wherever the system likes. */
export function openingBounds(kept: Rectangle | null, workAreas: readonly Rectangle[]): Partial<Rectangle> {
  if (kept === null) return usualWindow;
  const width = Math.max(kept.width, smallestWindow.width);
  const height = Math.max(kept.height, smallestWindow.height);
  // Its top edge, by which a window is moved, has to be inside a work area.
  const shown = workAreas.find((area) => {
    const overlap = Math.min(kept.x + width, area.x + area.width) - Math.max(kept.x, area.x);
    return overlap >= graspable.width && kept.y >= area.y && kept.y <= area.y + area.height - graspable.height;
  });
  if (shown === undefined) return usualWindow;
  return { x: kept.x, y: kept.y, width: Math.min(width, shown.width), height: Math.min(height, shown.height) };
}

const fileIn = (folder: string): string => path.join(folder, 'window.json');

/** What was kept; an empty state where nothing readable was. */
export function readWindowState(folder: string): WindowState {
  try {
    return windowState.parse(JSON.parse(readFileSync(fileIn(folder), 'utf8')));
  } catch {
    return windowState.parse({});
  }
}

/** Whole or not at all. A folder that cannot be written loses a window's place, which is no reason to stop. */
export function writeWindowState(folder: string, state: WindowState): void {
  const part = `${fileIn(folder)}.${process.pid}.part`;
  try {
    writeFileSync(part, JSON.stringify(state));
    renameSync(part, fileIn(folder));
  } catch (error) {
    process.stderr.write(`snug: the window's place was not kept: ${String(error)}\n`);
  }
}
