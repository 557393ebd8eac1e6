// The licence texts of everything that a package carries, in one file: the dependencies that lie in it, what vite bundled of the
// tools, llama.cpp, the Node beside it and the LAPACK. Electron's and Chromium's own lie in the package's first folder already.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fail, root } from './electron.ts';

interface Wanted {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

interface Locked extends Wanted {
  version: string;
  license?: string;
}

type Packages = Record<string, Locked>;

/** Packages that name the MIT licence and leave its text out, with the holder that their files name. */
const mitHolders: Record<string, string> = {
  'onnxruntime-common': 'Microsoft Corporation',
  'onnxruntime-node': 'Microsoft Corporation',
};

const licenceName = /^(licen[cs]e|copying|notice|thirdpartynotices)/i;

function textsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => licenceName.test(file) && /(^[^.]+|\.(txt|md|MIT))$/i.test(file))
    .map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
}

/** Adds the keys of `name`, as a package in `from` finds it, and of all that it depends on. */
function addClosure(name: string, from: string, packages: Packages, found: Set<string>): void {
  const key = `${from}node_modules/${name}`;
  const locked = packages[key];
  if (locked === undefined) {
    if (from !== '') addClosure(name, from.replace(/node_modules\/(@[^/]+\/)?[^/]+\/$/, ''), packages, found);
    return;
  }
  if (found.has(key)) return;
  found.add(key);
  for (const dependency of dependenciesOf(locked)) addClosure(dependency, `${key}/`, packages, found);
}

const dependenciesOf = ({ dependencies, optionalDependencies }: Wanted): string[] =>
  Object.keys({ ...dependencies, ...optionalDependencies });

/** The packages that the sources import: what is no dependency is bundled. Electron has licences of its own. */
function importedPackages(): Set<string> {
  const files = ['src-main', 'src-renderer'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|vue|css)$/.test(file))
      .map((file) => readFileSync(path.join(root, folder, file), 'utf8')),
  );
  const imported = /\b(?:from|import) '((?:@[\w-]+\/)?\w[\w.-]*)(?:\/[^']*)?'/g;
  const names = files.flatMap((text) => [...text.matchAll(imported)].map((match) => match[1]!));
  return new Set(names.filter((name) => name !== 'electron'));
}

function mitText(holder: string): string {
  const own = readFileSync(path.join(root, 'LICENSE'), 'utf8').trim();
  return own.replace(/^Copyright.*$/m, `Copyright (c) ${holder}`);
}

function sectionOf(key: string, { version, license }: Locked): string {
  const name = key.slice(key.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const texts = textsIn(path.join(root, key));
  const holder = mitHolders[name];
  if (texts.length === 0 && holder !== undefined) texts.push(mitText(holder));
  if (texts.length === 0) throw new Error(`${name} has no licence text: name who holds its copyright in mitHolders.`);
  return [`${name} ${version} (${license ?? 'see below'})`, ...texts].join('\n\n');
}

/** Node's own, with those of the libraries inside it: beside the headers that its installer brings and later installs remove. */
function nodeTexts(): string[] {
  const installed = path.join(root, 'node_modules/node/node_modules');
  const folders = existsSync(installed) ? readdirSync(installed, { withFileTypes: true }) : [];
  const texts = folders
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => textsIn(path.join(installed, name)));
  if (texts.length === 0) fail('The licence of Node is not installed: run "npm rebuild node".');
  return texts;
}

/** Writes the file. @throws where a package has no text and its holder is not known */
export function writeLicences(file: string, { carriesNode }: { carriesNode: boolean }): void {
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as { packages: Packages };
  const keys = new Set<string>();
  for (const name of [...dependenciesOf(packages['']!), ...importedPackages()]) addClosure(name, '', packages, keys);
  const sections = [...keys]
    .toSorted()
    .filter((key) => existsSync(path.join(root, key))) // others are for another system
    .map((key) => sectionOf(key, packages[key]!));
  // Of https://github.com/ggml-org/llama.cpp/blob/master/LICENSE; node-llama-cpp's packages carry its libraries without it.
  sections.push(['llama.cpp (MIT)', mitText('2023-2026 The ggml authors')].join('\n\n'));
  if (carriesNode) sections.push(['Node.js', ...nodeTexts()].join('\n\n'));
  // There where set-up could fetch one.
  const openblas = path.join(root, 'native/build/openblas');
  if (existsSync(openblas)) sections.push(['OpenBLAS', ...textsIn(openblas)].join('\n\n'));
  const own = ['Snug', readFileSync(path.join(root, 'LICENSE'), 'utf8').trim()].join('\n\n');
  writeFileSync(file, [own, ...sections].join(`\n\n${'-'.repeat(80)}\n\n`));
}
