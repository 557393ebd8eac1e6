// The engine as the page reaches it, without the page's own code: a port from the shell, and messages over it. So tests of the
// shell need no screen.
import type { Page } from 'playwright-core';
import { sampleModel } from '../support/paths.ts';

/** Asks the engine over a port of its own; answers with the result, or with the error's shape. */
export async function askEngine(page: Page, method: string, params: unknown): Promise<Record<string, unknown>> {
  return page.evaluate(
    async ([name, given]) => {
      // The page may be waiting for a port of its own: ours is the last one that comes.
      const ports: MessagePort[] = [];
      const collect = (event: MessageEvent): void => void ports.push(...event.ports);
      window.addEventListener('message', collect);
      await (window as unknown as { app: { startEngine(): Promise<void> } }).app.startEngine();
      do await new Promise((resolve) => setTimeout(resolve, 50));
      while (ports.length === 0);
      window.removeEventListener('message', collect);
      const port = ports.at(-1)!;
      const answer = new Promise<Record<string, unknown>>((resolve) => {
        port.addEventListener('message', ({ data }: MessageEvent<Record<string, unknown>>) => {
          if (data['kind'] === 'result') resolve(data['result'] as Record<string, unknown>);
          if (data['kind'] === 'error') resolve({ error: data['error'] });
        });
      });
      port.start();
      port.postMessage({ kind: 'request', id: 0, method: name, params: given });
      const found = await answer;
      port.close();
      return found;
    },
    [method, params] as const,
  );
}

/** Starts a fit of the bundled sample; answers with the job's id. More samples take longer. */
export async function startSampleFit(page: Page, output: string, samples = 32): Promise<string> {
  const target = { kind: 'file', bytes: 4_500_000 };
  const calibration = { samples };
  const recipe = { verb: 'fit', model: sampleModel, target, output, calibration };
  // A page that connects later than this would take the engine's port away.
  await page.locator('main button:enabled').first().waitFor();
  const { id, error } = await askEngine(page, 'jobs.start', { recipe });
  if (typeof id !== 'string') throw new Error(`The fit was refused: ${JSON.stringify(error)}`);
  return id;
}

/** The state of a job. */
export async function stateOf(page: Page, id: string): Promise<string> {
  const { job } = await askEngine(page, 'jobs.get', { id });
  return (job as { state: string }).state;
}
