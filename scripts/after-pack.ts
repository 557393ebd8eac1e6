// electron-builder's hook (electron-builder.yml), which takes out of a package what only an Electron without an application needs.
// From an Electron that it downloads itself it removes the same; Snug's scripts always name a folder.
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { AfterPackContext } from 'electron-builder';

export function afterPack({ appOutDir, packager }: AfterPackContext): void {
  const leftovers = [
    path.join(appOutDir, 'version'),
    path.join(appOutDir, '.recipe'), // scripts/electron-dist
    path.join(packager.getResourcesDir(appOutDir), 'default_app.asar'),
  ];
  for (const file of leftovers) rmSync(file, { force: true });
}
