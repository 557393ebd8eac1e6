// The bridge as the page sees it.
import type { WindowApp as Bridge } from '../../src-main/contract/window-app.ts';

export type WindowApp = Bridge<File>;

declare global {
  interface Window {
    readonly app: WindowApp;
  }
}
