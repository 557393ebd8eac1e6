// What a page may not do: leave, open windows, ask for permissions, load anything that is not Snug's own.
// https://www.electronjs.org/docs/latest/tutorial/security
import { app, session } from 'electron';

/** Schemes that ask no other machine. */
const withoutNetwork = new Set(['file:', 'blob:', 'data:', 'devtools:']);

export function restrictPages(): void {
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', (event) => event.preventDefault());
    contents.on('will-frame-navigate', (event) => event.preventDefault());
    contents.on('will-redirect', (event) => event.preventDefault());
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
    // A policy cannot forbid peer connections; without a proxy, which there is none, they get no address to send to.
    contents.setWebRTCIPHandlingPolicy('disable_non_proxied_udp');
  });
}

/** Needs a ready app. `developmentServer`: where the page is served from in development. */
export function restrictSession(developmentServer: string | undefined): void {
  const { defaultSession } = session;
  defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  defaultSession.setPermissionCheckHandler(() => false);
  defaultSession.setDevicePermissionHandler(() => false);
  defaultSession.on('will-download', (event) => event.preventDefault());
  const development = developmentServer === undefined ? null : new URL(developmentServer);
  // The policy of the page forbids it already; this holds for whatever gets around a page's policy. Files: see page-files.ts.
  defaultSession.webRequest.onBeforeRequest((details, answer) => {
    const { protocol, host } = new URL(details.url);
    const isServed = host === development?.host && (protocol === development.protocol || protocol === 'ws:');
    answer({ cancel: !isServed && !withoutNetwork.has(protocol) });
  });
}
