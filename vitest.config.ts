// Test projects. `npm test` runs those that need no display and no large files.
import { createRequire } from 'node:module';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

const minutes = 60_000;

/** The window's own tests get a DOM where one is installed; those that need none run all the same. */
function domEnvironment(): 'happy-dom' | 'node' {
  try {
    createRequire(import.meta.url).resolve('happy-dom');
    return 'happy-dom';
  } catch {
    return 'node';
  }
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'main',
          include: ['test/**/*.test.ts'],
          exclude: ['test/{renderer,desktop,heavy,bench,output,fixtures}/**'],
          // Native addons and onnxruntime's tensors do not survive being shared between VM contexts.
          pool: 'forks',
          // A test may start the command line, which starts an engine, which starts a worker.
          testTimeout: 2 * minutes,
          hookTimeout: 1 * minutes,
        },
      },
      {
        plugins: [vue()],
        test: {
          name: 'renderer',
          include: ['test/renderer/**/*.test.ts'],
          environment: domEnvironment(),
          pool: 'forks',
        },
      },
      {
        test: {
          name: 'desktop',
          include: ['test/desktop/**/*.test.ts'],
          pool: 'forks',
          // One window at a time: two would fight for the focus.
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 3 * minutes,
          hookTimeout: 2 * minutes,
        },
      },
      {
        test: {
          name: 'heavy',
          include: ['test/heavy/**/*.test.ts'],
          pool: 'forks',
          // They measure memory and time, or use all of both.
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 20 * minutes,
          hookTimeout: 10 * minutes,
        },
      },
    ],
  },
});
