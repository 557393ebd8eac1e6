// Serves the page, and of all files nothing else: under file: every file of the disk is of the page's own origin, and the
// policy's 'self' would mean all of them (https://www.electronjs.org/docs/latest/tutorial/security, item 18).
// A scheme of its own would do the same, but has to be declared before the app is ready, and an Electron that is started with
// a folder loads an ES module after that.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { protocol } from 'electron';

/** Stricter than what index.html says of itself, where a header can say more than the page. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "frame-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** What the page consists of; anything else is not served. */
const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** Serves the files of `folder` under file:, and none outside it. Needs a ready app. */
export function servePage(folder: string): void {
  protocol.handle('file', async (request) => {
    const file = fileOf(request.url);
    const contentType = contentTypes[path.extname(file ?? '')];
    if (file === null || contentType === undefined || !file.startsWith(folder + path.sep)) return Response.error();
    const body = await readFile(file).catch(() => null);
    if (body === null) return Response.error();
    return new Response(new Uint8Array(body), {
      headers: {
        'Content-Type': contentType,
        'Content-Security-Policy': contentSecurityPolicy,
        'X-Content-Type-Options': 'nosniff',
      },
    });
  });
}

/** The normalised path of an address; null for one of another machine or of no file. */
function fileOf(address: string): string | null {
  const url = new URL(address);
  if (url.host !== '') return null;
  try {
    return path.normalize(fileURLToPath(url));
  } catch {
    return null;
  }
}
