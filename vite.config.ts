// Builds the window (dist/renderer), the processes of the application (dist/main) and the preload (dist/preload).
import path from 'node:path';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';
import electron from 'vite-plugin-electron/multi-env';
import packageJson from './package.json' with { type: 'json' };

const root = import.meta.dirname;
const source = (file: string): string => path.join(root, 'src-main', file);

/** Dependencies have native libraries and stay in node_modules; everything else is bundled, so that the processes start fast. */
const { dependencies } = packageJson;

export default defineConfig({
  root: path.join(root, 'src-renderer'),
  // The page is loaded from a file.
  base: './',
  build: {
    outDir: path.join(root, 'dist/renderer'),
    emptyOutDir: true,
    // A small image would become a data: address, which the page's Content-Security-Policy blocks.
    assetsInlineLimit: 0,
  },
  plugins: [
    vue(),
    electron([
      {
        name: 'main',
        input: {
          shell: source('shell/main.ts'),
          engine: source('engine/main.ts'),
          worker: source('worker/main.ts'),
          'llama-host': source('llama-host/main.ts'),
          cli: source('cli/main.ts'),
        },
        bundleDeps: { both: { include: true } },
        options: {
          build: {
            outDir: path.join(root, 'dist/main'),
            emptyOutDir: true,
            copyPublicDir: false,
            // Stacks in a log must be readable.
            minify: false,
            rolldownOptions: {
              external: Object.keys(dependencies),
              // Chunks lie beside the entries: code that looks for files from its own folder is two levels below the root, as in src-main.
              output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunk-[name]-[hash].js' },
            },
          },
        },
      },
      {
        name: 'preload',
        input: { preload: source('preload/main.ts') },
        bundleDeps: { both: { include: true } },
        options: {
          build: {
            outDir: path.join(root, 'dist/preload'),
            emptyOutDir: true,
            copyPublicDir: false,
            minify: false,
            rolldownOptions: {
              // A sandboxed preload cannot be an ES module, nor load files beside itself.
              output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
            },
          },
        },
      },
    ]),
  ],
});
