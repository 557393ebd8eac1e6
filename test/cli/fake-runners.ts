// Canned answers about runners. Paths are invented, the shapes are the contract's.
import type { ExportResult, RunnerList, UndoResult } from '../../src-main/contract/runners.ts';

export const runnerList: RunnerList = {
  runners: [
    {
      ...{
        runner: 'ollama',
        name: 'Ollama',
        found: true,
        program: '/usr/local/bin/ollama',
        folder: '/k/.ollama/models',
      },
      ...{ version: '0.12.3', placement: 'taken in by ollama create', looked: ['/usr/local/bin'] },
    },
    {
      ...{ runner: 'jan', name: 'Jan', found: false, program: null, folder: null, version: null },
      ...{ placement: 'linked into a folder of its own', looked: ['/k/.local/share/Jan/data'] },
    },
  ],
};

export const exported: ExportResult = {
  ...{
    target: 'ollama',
    run: null,
    already: false,
    next: 'ollama run m',
    notes: ['Its cache is a setting of the server.'],
  },
  placed: [
    { path: '/k/.ollama/models/blobs/sha256-00', how: 'hard', bytes: 4_600_000 },
    { path: '/data/exports/ollama/m/Modelfile', how: 'written', bytes: 120 },
    { path: 'm', how: 'model', bytes: 4_600_000 },
  ],
};

export const undone: UndoResult = {
  undone: [
    {
      target: 'ollama',
      removed: exported.placed.slice(1),
      left: [{ path: '/k/.ollama/models/blobs/sha256-00', reason: 'another model of Ollama uses it' }],
    },
  ],
};
