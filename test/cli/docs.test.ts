// The pages of the command line name everything that exists, and nothing that does not.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../src-main/contract/errors.ts';
import { exitCodeOfError } from '../../src-main/cli/exit-codes.ts';
import { optionTable, type OptionDefinition } from '../../src-main/cli/options.ts';
import { verbs } from '../../src-main/cli/verb-list.ts';
import { root } from '../support/paths.ts';
import { deviceList, gpuList, installed, inspectionOf, searchFound, textList } from './fake-answers.ts';
import { results } from './fake-results.ts';
import { exported, runnerList, undone } from './fake-runners.ts';
import { studies } from './fake-studies.ts';

const page = (name: string): string => readFileSync(path.join(root, 'docs', name), 'utf8');
const commandLine = page('command-line.md');
const errors = page('errors.md');

/** First cells of the rows of all tables under a heading that starts with `heading`. */
function firstCells(text: string, heading: string): string[] {
  const [, ...sections] = text.split(/^## /m);
  const section = sections.find((one) => one.startsWith(heading)) ?? '';
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1]!.replaceAll('\\|', '|'));
}

/** Names of all fields of a result, at every depth. */
function fieldNames(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(fieldNames);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...fieldNames(inner)]);
}

describe('docs/command-line.md', () => {
  it('lists every verb', () => {
    const names = firstCells(commandLine, 'Verbs').map((cell) => cell.split(' ')[1]);
    expect(names.sort()).toEqual(verbs.map(({ name }) => name).sort());
  });

  it('lists every option, once, with the values it takes', () => {
    const cells = firstCells(commandLine, 'Options');
    expect(cells.map((cell) => cell.split(' ')[0]!.slice(2)).sort()).toEqual(Object.keys(optionTable).sort());
    for (const [name, definition] of Object.entries<OptionDefinition>(optionTable)) {
      const choices = definition.kind === 'choice' ? definition.choices : [];
      const row = commandLine.split('\n').find((line) => new RegExp(`^\\| \`--${name}[ \`]`).test(line));
      for (const choice of choices) expect(row, name).toContain(choice);
    }
  });

  it('says of every verb which options it takes', () => {
    const section = (start: string): string =>
      commandLine.split('\n').find((line) => line.startsWith(`### ${start}`)) ?? '';
    const takers = (name: keyof typeof optionTable): string[] =>
      verbs.filter((verb) => verb.options.includes(name)).map((verb) => verb.name);
    for (const [start, option] of [
      ['Jobs', 'device'],
      ['What it has to fit into', 'memory'],
      ['Which plan', 'plan'],
      ['What is written', 'importance'],
      ['Calibration', 'samples'],
      ['How much is cut', 'width'],
      ['Evaluation', 'window'],
      ['What is tried', 'values'],
    ] as const) {
      for (const verb of takers(option)) expect(section(start)).toContain(`\`${verb}\``);
    }
  });

  it('names every JSON field', () => {
    const ofJobs = [...Object.values(results).map(({ value }) => value), ...Object.values(studies)];
    const values = [
      ...ofJobs,
      { ...deviceList, gpus: gpuList.gpus, installed },
      inspectionOf('m'),
      textList,
      searchFound,
      runnerList,
      exported,
      undone,
    ];
    const gate = { limit: 0, value: 0, passed: true, measure: 'kld' };
    const known = new Set([...commandLine.matchAll(/`([A-Za-z0-9_]+)`/g)].map((match) => match[1]));
    const ofModels = new Set(['F16', 'F32', 'Q4_K', 'Q6_K', 'pure']);
    const missing = [...values.flatMap(fieldNames), ...fieldNames({ gate })].filter(
      (name) => !known.has(name) && !ofModels.has(name) && !/^\d+$/.test(name), // digits number layers
    );
    expect([...new Set(missing)]).toEqual([]);
  });

  it('lists every exit code', () => {
    for (const code of [0, 1, 2, 3, 4, 130]) expect(commandLine).toMatch(new RegExp(`^\\| ${code} +\\| `, 'm'));
  });
});

describe('docs/errors.md', () => {
  it('lists every code under its exit code', () => {
    const listed = [
      ...firstCells(errors, 'Your command').map((code) => [code, 2]),
      ...firstCells(errors, 'The run').map((code) => [code, 1]),
      ...firstCells(errors, 'Cancelled').map((code) => [code, 130]),
    ];
    expect(Object.fromEntries(listed)).toEqual(
      Object.fromEntries(errorCodes.map((code) => [code, exitCodeOfError(code)])),
    );
  });
});
