// 10,000 malformed messages to a real engine process, as they come over the shell's relay: it answers each request with an
// error, drops what is no request, does nothing, and works afterwards.
import { fork } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { engineApi } from '../../src-main/contract/engine-api.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { shareTransport } from '../../src-main/rpc/share.ts';
import { temporaryFolder } from '../support/engine.ts';
import { root } from '../support/paths.ts';

const messages = 10_000;
type Methods = keyof typeof engineApi.methods;
const methods = Object.keys(engineApi.methods) as Methods[];

const anything = fc.anything({
  withDate: true,
  withTypedArray: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
});
const hostile = fc.constantFrom<unknown>(
  { model: 1 },
  { id: null },
  { run: '../../etc/passwd', tag: '' },
  { recipe: { verb: 'rm', model: '/etc/passwd' } },
  { recipe: { verb: 'quantize', model: '/etc/passwd', output: 7, type: 'Q4_0' } },
  { recipe: { verb: 'fit', model: 'a', output: '/tmp/x.gguf', target: { kind: 'memory', bytes: -1 } } },
  { recipe: { __proto__: { verb: 'download' } } },
  { token: '' },
  { runs: ['a'] },
  { run: 'a', question: ' ' },
  { run: 'a', question: 'b', tokens: 1e9 },
  { run: 'a', question: 'b', temperature: -1, asChat: 'yes' },
  { source: { run: 1 }, to: { folder: null } },
  { source: { file: '/etc/passwd' }, to: { runner: 'bash' } },
  [],
  'x'.repeat(300_000), // goes in pieces
);

/** A request that no handler may see: its method does not exist, or its parameters are not what it takes. */
const request = fc
  .tuple(
    fc.oneof(
      fc.constantFrom<string>(...methods),
      fc.constantFrom('toString', '__proto__', 'constructor', 'eval'),
      fc.string(),
    ),
    fc.oneof(anything, hostile),
  )
  .filter(([method, params]) => !isRight(method, params))
  .map(([method, params]) => ({ kind: 'request', method, params }));

function isRight(method: string, params: unknown): boolean {
  return (
    Object.hasOwn(engineApi.methods, method) && engineApi.methods[method as Methods].params.safeParse(params).success
  );
}

/** What is no message at all, or one that only the other end may send. */
const noise = fc.oneof(
  anything,
  fc.record({ kind: fc.constantFrom('request', 'cancel', 'chunk', 'result', 'event', 'refused', 'x'), id: anything }),
  fc.record({
    kind: fc.constant('chunk'),
    stream: fc.nat(),
    offset: fc.nat(),
    total: fc.maxSafeNat(),
    bytes: fc.uint8Array(),
  }),
  fc.record({ kind: fc.constant('cancel'), id: fc.maxSafeNat() }),
);

const filesOf = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();

it('10,000 malformed messages leave the engine as it was', async () => {
  const folder = temporaryFolder();
  const [home, work] = [path.join(folder, 'home'), path.join(folder, 'work')];
  mkdirSync(work);
  const child = fork(path.join(root, 'src-main/engine/main.ts'), [], {
    cwd: work,
    serialization: 'advanced',
    // A home for whatever would like to write there.
    env: { ...process.env, SNUG_HOME: home, HOME: work, TMPDIR: work, HF_ENDPOINT: 'http://127.0.0.1:9' },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let ended: string | null = null;
  const transport = childTransport(child);
  transport.onClose((reason) => (ended = reason));
  const share = shareTransport(transport);
  const { call } = connect(engineApi, share());
  const { model } = await call.sample({});
  const before = filesOf(folder);

  const page = share();
  const open = new Map<number, unknown>();
  const results: unknown[] = [];
  const codes = new Map<string, number>();
  let settled = (): void => {};
  page.onMessage((raw) => {
    const answer = raw as { kind: string; id: number; error?: { code: string } };
    if (answer.kind === 'result') results.push(open.get(answer.id));
    if (answer.error) codes.set(answer.error.code, (codes.get(answer.error.code) ?? 0) + 1);
    open.delete(answer.id);
    if (open.size === 0) settled();
  });
  const sent = fc.sample(fc.oneof({ weight: 4, arbitrary: request }, { weight: 1, arbitrary: noise }), {
    seed: 12,
    numRuns: messages,
  });
  let requests = 0;
  for (const [id, message] of sent.entries()) {
    const isRequest = (message as { kind?: unknown } | null)?.kind === 'request' && 'method' in (message as object);
    if (isRequest) {
      open.set(id, message);
      requests++;
      page.send({ ...(message as object), id });
    } else if (id % 2 === 0) page.send(message);
    // Past the relay, as another process of this user could; Node's channel takes no bare symbol or undefined.
    else child.send(typeof message === 'object' && message !== null ? message : [message]);
    if (id % 500 === 499) await call.sample({});
  }
  if (open.size > 0) await new Promise<void>((resolve) => (settled = resolve));

  expect(ended).toBeNull();
  expect(results).toEqual([]);
  expect(requests).toBeGreaterThan(messages / 2);
  expect(Object.fromEntries(codes)).toEqual({ USAGE: requests });
  expect(filesOf(folder)).toEqual(before);
  expect(await call['jobs.list']({})).toEqual({ jobs: [], waiting: [] });
  expect(await call.inspect({ model })).toMatchObject({ format: 'gguf' });
});
