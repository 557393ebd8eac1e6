// snug runners and snug export as text, on a scripted engine.
import { describe, expect, it } from 'vitest';
import { snug } from './run.ts';

describe('snug runners', () => {
  it('shows what was found and how models get there, and what was not', async () => {
    const { stdout, exitCode } = await snug('runners');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^ollama +Ollama 0\.12\.3 +\/k\/\.ollama\/models$/m);
    expect(stdout).toContain('Ollama: taken in by ollama create.');
    expect(stdout).toContain('Not found: Jan.');
  });
});

describe('snug export', () => {
  it('shows what was placed, what to know and what to do next', async () => {
    const { stdout } = await snug('export m.gguf --to ollama');
    expect(stdout).toMatch(/^Placed in ollama\.$/m);
    expect(stdout).toMatch(/^hard link +4\.60 MB +\/k\/\.ollama\/models\/blobs\/sha256-00$/m);
    expect(stdout).toMatch(/^written +120 B /m);
    expect(stdout).toContain('Its cache is a setting of the server.');
    expect(stdout).toMatch(/^Next: ollama run m$/m);
  });

  it('shows what an undo removed and left, and fails where it left something', async () => {
    const { stdout, exitCode } = await snug('export m.gguf --undo');
    expect(exitCode).toBe(1);
    expect(stdout).toContain('Removed m (model).');
    expect(stdout).toContain('Left /k/.ollama/models/blobs/sha256-00: another model of Ollama uses it.');
  });
});
