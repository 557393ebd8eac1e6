// What the page's main thread does while a job runs: a fit of the sample, looked at from the Fit area through its run to its
// report. The goal is no task with script above 50 ms. A job takes all cores, so that a task may wait in its middle: what
// counts is the time that it had a processor; both are told. The profile is a file that Chromium's developer tools open.
//
//   npm run bench -- long-tasks [FILE OF THE PROFILE]
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildWindow, electronEnvironment, findElectron, onDisplay } from '../../scripts/electron.ts';
import { fitWaitMs, launch, openSampleIn, startFitIn } from '../desktop/app.ts';

const goalMs = 50;

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** µs. */
  ts: number;
  dur?: number;
  /** µs that the thread had a processor. */
  tdur?: number;
  args?: { name?: string };
}

interface Task {
  ms: number;
  processorMs: number;
  /** In script, outermost calls. */
  scriptMs: number;
  parts: string;
}

const scriptEvents = new Set(['EvaluateScript', 'FunctionCall', 'RunMicrotasks', 'v8.callFunction', 'v8.run']);

/** Tasks of the page's main thread, those first that had a processor longest. */
function tasksOf(events: readonly TraceEvent[]): Task[] {
  const main = new Set(
    events
      .filter(({ ph, name, args }) => ph === 'M' && name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const complete = events
    .filter(({ ph, pid, tid }) => ph === 'X' && main.has(`${pid} ${tid}`))
    .toSorted((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0));
  const tasks: Task[] = [];
  for (const [index, task] of complete.entries()) {
    if (task.name !== 'RunTask') continue;
    const end = task.ts + task.dur!;
    const inside: TraceEvent[] = [];
    for (let next = index + 1; next < complete.length && complete[next]!.ts < end; next += 1) {
      const event = complete[next]!;
      if (event.pid === task.pid && event.tid === task.tid) inside.push(event);
    }
    const script = outermost(inside.filter(({ name }) => scriptEvents.has(name)));
    tasks.push({
      ms: task.dur! / 1000,
      processorMs: (task.tdur ?? task.dur!) / 1000,
      scriptMs: script.reduce((sum, { dur = 0 }) => sum + dur, 0) / 1000,
      parts: outermost(inside)
        .map(({ name, dur = 0 }) => `${name} ${(dur / 1000).toFixed(1)}`)
        .join(', '),
    });
  }
  return tasks.toSorted((a, b) => b.processorMs - a.processorMs);
}

/** Events that lie in no other; `events` by start, the longer first. */
function outermost(events: readonly TraceEvent[]): TraceEvent[] {
  const found: TraceEvent[] = [];
  let end = -Infinity;
  for (const event of events) {
    if (event.ts < end) continue;
    found.push(event);
    end = event.ts + (event.dur ?? 0);
  }
  return found;
}

async function main(
  file = path.join(mkdtempSync(path.join(tmpdir(), 'snug-profile-')), 'profile.json'),
): Promise<void> {
  const electron = findElectron();
  buildWindow();
  Object.assign(process.env, electronEnvironment(electron));
  const app = await launch();
  try {
    await openSampleIn(app);
    await app.electron.evaluate(({ contentTracing }) =>
      contentTracing.startRecording({
        included_categories: ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'v8', 'v8.execute'],
      }),
    );
    await startFitIn(app);
    await app.page.getByRole('heading', { name: /^It runs, with/ }).waitFor({ timeout: fitWaitMs });
    await app.electron.evaluate(({ contentTracing }, target) => contentTracing.stopRecording(target), file);
  } finally {
    await app.close();
  }
  const { traceEvents } = JSON.parse(readFileSync(file, 'utf8')) as { traceEvents: TraceEvent[] };
  const tasks = tasksOf(traceEvents);
  const withScript = tasks.filter(({ scriptMs }) => scriptMs > 0);
  console.log(`${tasks.length} tasks of the page's main thread, ${withScript.length} with script; profile in ${file}`);
  for (const { ms, processorMs, scriptMs, parts } of withScript.slice(0, 5)) {
    const times = `${processorMs.toFixed(1)} ms of a processor in ${ms.toFixed(1)} ms`;
    console.log(`${times}, ${scriptMs.toFixed(1)} in script: ${parts}`);
  }
  const over = (key: 'ms' | 'processorMs'): number => withScript.filter((task) => task[key] > goalMs).length;
  console.log(`Above ${goalMs} ms: ${over('processorMs')} by processor, ${over('ms')} with waits in their middle.`);
}

await onDisplay(() => main(process.argv[2]));
