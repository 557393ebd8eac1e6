// What a page may not do: leave, open windows, ask for permissions, load anything that is not Snug's own.
// https://www.electronjs.org/docs/latest/tutorial/security
import { app, session } from 'electron';

/** The same policy stands in index.html, where the page keeps it whoever serves it. */
const contentSecurityPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'";

export function restrictPages(): void {
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', (event) => event.preventDefault());
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  });
}

/** Needs a ready app. */
export function restrictSession(): void {
  session.defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  session.defaultSession.setPermissionCheckHandler(() => false);
  session.defaultSession.webRequest.onHeadersReceived((details, answer) => {
    answer({ responseHeaders: { ...details.responseHeaders, 'Content-Security-Policy': [contentSecurityPolicy] } });
  });
}
