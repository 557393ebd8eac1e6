/// <reference types="vite/client" />
import type { WindowApp } from './engine/window-app.ts';

declare global {
  interface Window {
    /** The shell's few functions, put there by the preload. */
    readonly app: WindowApp;
  }
}
