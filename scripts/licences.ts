// The licence texts of everything that a package carries, in one file: what npm installed for the application, what is bundled
// into its page, the Node beside it and the LAPACK. Electron's and Chromium's own lie in the package's first folder already.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './electron.ts';

interface Locked {
  version: string;
  license?: string;
  dev?: boolean;
  dependencies?: Record<string, string>;
}

/** Bundled into dist/renderer, so that npm counts them among the tools. */
const bundledTools = ['vue', 'pinia', 'reka-ui', '@lucide/vue', 'uplot', 'd3-scale', 'd3-shape'];

const licenceName = /^(licen[cs]e|copying|notice|thirdpartynotices)/i;

function textsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => licenceName.test(file) && /(^[^.]+|\.(txt|md|MIT))$/i.test(file))
    .map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
}

/** Adds `name` and all that it depends on. */
function addClosure(name: string, packages: Record<string, Locked>, found: Set<string>): void {
  const key = `node_modules/${name}`;
  const locked = packages[key];
  if (locked === undefined || found.has(key)) return;
  found.add(key);
  for (const dependency of Object.keys(locked.dependencies ?? {})) addClosure(dependency, packages, found);
}

/** Packages that name the MIT licence and forget its text get it with what they say of their authors. */
function mitText(folder: string): string {
  const { author } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    author?: string | { name?: string };
  };
  const holder = (typeof author === 'string' ? author : author?.name) ?? `the authors of ${path.basename(folder)}`;
  const own = readFileSync(path.join(root, 'LICENSE'), 'utf8').trim();
  return own.replace(/^Copyright.*$/m, `Copyright (c) ${holder}`);
}

/** Writes the file. @throws where a package has neither a text nor a licence whose text is known */
export function writeLicences(file: string): void {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const { packages } = lock;
  const keys = new Set(Object.keys(packages).filter((key) => key !== '' && !packages[key]!.dev));
  for (const name of bundledTools) addClosure(name, packages, keys);
  const sections = [...keys].toSorted().flatMap((key) => {
    const folder = path.join(root, key);
    if (!existsSync(folder)) return []; // for another system
    const { version, license = 'see below' } = packages[key]!;
    const name = key.slice(key.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const texts = textsIn(folder);
    if (texts.length === 0 && license !== 'MIT')
      throw new Error(`${name} has no licence text, and ${license} is none that is known.`);
    if (texts.length === 0) texts.push(mitText(folder));
    return [[`${name} ${version} (${license})`, ...texts].join('\n\n')];
  });
  // Node's package brings no text (https://github.com/nodejs/node/blob/main/LICENSE); a LAPACK is there where set-up could fetch one.
  sections.push(['Node.js (MIT)', mitText(path.join(root, 'node_modules/node'))].join('\n\n'));
  const openblas = path.join(root, 'native/build/openblas');
  if (existsSync(openblas)) sections.push(['OpenBLAS', ...textsIn(openblas)].join('\n\n'));
  const own = ['Snug', readFileSync(path.join(root, 'LICENSE'), 'utf8').trim()].join('\n\n');
  writeFileSync(file, [own, ...sections].join(`\n\n${'-'.repeat(80)}\n\n`));
}
