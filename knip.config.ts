// Unused files, exports and dependencies. Children are forked by path, so each one's main.ts is an entry.
import type { KnipConfig } from 'knip';

export default {
  entry: [
    'src-main/{cli,engine,worker,llama-host,shell,preload}/main.ts',
    'scripts/*.{mjs,ts}',
    'test/**/*.test.ts',
    'test/support/probing-worker.ts', // forked
    'test/bench/*.ts',
  ],
  project: ['src-main/**/*.ts', 'src-renderer/**/*.{ts,vue}', 'scripts/**', 'test/**/*.ts', '!test/output/**'],
  ignoreDependencies: [
    'node-llama-cpp', // only llama.cpp's libraries in its packages per platform are used, found by their place
    'node-addon-api', // headers, found by native/binding.gyp
    // Started by path in scripts/, where no shell is wanted in between.
    'node-gyp',
    'oxfmt',
    'vue-tsc',
  ],
  // Programs of the system.
  ignoreBinaries: ['dpkg', 'dpkg-deb', 'g\\+\\+', 'mount', 'strip', 'umount', 'unshare'],
  // The types of one file's API may be exported for its tests and its readers.
  ignoreExportsUsedInFile: true,
} satisfies KnipConfig;
