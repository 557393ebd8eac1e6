// docs/method ties formulas to functions and tests: what its tables name exists, under that name and in that file.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { optionTable } from '../../src-main/cli/options.ts';
import { errorCodes } from '../../src-main/contract/errors.ts';
import { root } from '../support/paths.ts';

const folder = path.join(root, 'docs/method');
const pages = readdirSync(folder).filter((name) => name.endsWith('.md'));
const textOf = (name: string): string => readFileSync(path.join(folder, name), 'utf8');
const index = textOf('README.md');
const steps = pages.filter((name) => name !== 'README.md');

const header = '| formula | function | test |\n|---|---|---|\n';
const functions = /`(\w+)` \(([\w./-]+\.ts)\)/g;
const tests = /"([^"]+)" \(([\w./-]+\.test\.ts)\)/g;

interface Named {
  name: string;
  file: string;
}

/** What a cell names; the cell says nothing else. */
function namedIn(cell: string, pattern: RegExp): Named[] {
  expect(cell.replaceAll(pattern, '').replaceAll(', ', ''), cell).toBe('');
  const found = Array.from(cell.matchAll(pattern), ([, name, file]) => ({ name: name!, file: file! }));
  expect(found.length, cell).toBeGreaterThan(0);
  return found;
}

/** Rows of a page's table. */
function rowsOf(page: string): { functions: Named[]; tests: Named[] }[] {
  const parts = textOf(page).split(header);
  expect(parts.length, `${page}: tables of formulas`).toBe(2);
  const rows = parts[1]!.split('\n\n')[0]!.trimEnd().split('\n');
  return rows.map((row) => {
    const cells = row.split(' | ');
    expect(cells.length, row).toBe(3);
    return {
      functions: namedIn(cells[1]!, functions),
      tests: namedIn(cells[2]!.replace(/ \|$/, ''), tests),
    };
  });
}

/** Text of a file; '' where there is none. */
function sourceOf(base: string, file: string): string {
  const at = path.join(root, base, file);
  return existsSync(at) ? readFileSync(at, 'utf8') : '';
}

const isDefined = ({ name, file }: Named): boolean =>
  new RegExp(`^(export )?(async )?(function\\*?|const|class) ${name}\\b`, 'm').test(sourceOf('src-main', file));

/** Whether a call in the file has the name as its first argument: it, test and describe, their `each` and `skipIf`. */
const isTest = ({ name, file }: Named): boolean =>
  Array.from(sourceOf('test', file).matchAll(/\(\s*(['`])(.*?)\1,/g)).some(([, , title]) => title === name);

describe('docs/method', () => {
  it.each(steps)('%s names functions and tests that exist', (page) => {
    const rows = rowsOf(page);
    expect(rows.length).toBeGreaterThan(2);
    expect(rows.flatMap((row) => row.functions).filter((named) => !isDefined(named))).toEqual([]);
    expect(rows.flatMap((row) => row.tests).filter((named) => !isTest(named))).toEqual([]);
  });

  it('says of a name that is not there that it is not', () => {
    const file = 'core/graph/fusion.ts';
    expect([isDefined({ name: 'fuseLayer', file }), isDefined({ name: 'fuseLay', file })]).toEqual([true, false]);
    const test = { name: 'names functions and tests that exist', file: 'tooling/method-docs.test.ts' };
    expect([isTest({ ...test, name: `%s ${test.name}` }), isTest(test)]).toEqual([true, false]);
    expect(() => namedIn('`fuseLayer` (core/graph/fusion.ts) and more', functions)).toThrow();
  });

  it('has every step in its index, in order', () => {
    const listed = Array.from(index.matchAll(/^\| \[[^\]]+\]\(([^)]+)\)/gm), (match) => match[1]!);
    expect(listed).toEqual(steps.toSorted());
  });

  it.each(pages)('%s links to files that exist', (page) => {
    const targets = Array.from(textOf(page).matchAll(/\]\(([^)#]+)\)/g), (match) => match[1]!);
    expect(targets.filter((target) => !existsSync(path.join(folder, target)))).toEqual([]);
  });

  it.each(pages)('%s names error codes and options that exist', (page) => {
    const codes = Array.from(
      textOf(page).matchAll(/`([A-Z]+(?:_[A-Z]+)+|USAGE|INTERNAL|CANCELLED)`/g),
      (match) => match[1]!,
    );
    expect(codes.filter((code) => !(errorCodes as readonly string[]).includes(code))).toEqual([]);
    const options = Array.from(textOf(page).matchAll(/`--([a-z][a-z-]+)/g), (match) => match[1]!);
    expect(options.filter((option) => !(option in optionTable))).toEqual([]);
  });
});
