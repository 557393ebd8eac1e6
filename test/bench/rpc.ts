// Round trips per second between two processes with 64 calls in flight, against Node's own channel with the same messages.
import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { connect } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { echoApi } from '../rpc/echo-child.ts';

const calls = 20_000;
const inFlight = 64;
const rounds = 5;

async function pipelined(call: (index: number) => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < calls) await call(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return calls / ((performance.now() - start) / 1000);
}

/** The same messages without validation, cancel or progress. */
function plainCalls(child: ChildProcess): (index: number) => Promise<unknown> {
  const open = new Map<number, (answer: unknown) => void>();
  child.on('message', (message: { id: number; result: unknown }) => {
    open.get(message.id)?.(message.result);
    open.delete(message.id);
  });
  return (id) =>
    new Promise((resolve) => {
      open.set(id, resolve);
      child.send({ kind: 'request', id, method: 'add', params: { a: id, b: 1 } });
    });
}

const program = path.join(import.meta.dirname, '../rpc/echo-child.ts');
const start = (): ChildProcess => fork(program, [], { serialization: 'advanced' });
const [own, plain] = [start(), start()];
const { call } = connect(echoApi, childTransport(own));
const send = plainCalls(plain);
await call.add({ a: 1, b: 1 });
const results = { ours: [] as number[], plain: [] as number[] };
for (let round = 0; round < rounds; round++) {
  results.ours.push(await pipelined((index) => call.add({ a: index, b: 1 })));
  results.plain.push(await pipelined(send));
}
const best = (values: number[]): number => Math.max(...values);
const { format } = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
console.log(`${format(best(results.ours))} round trips a second, ${inFlight} in flight (best of ${rounds}).`);
console.log(`Ratio to Node's channel with the same server: ${(best(results.ours) / best(results.plain)).toFixed(2)}.`);
own.kill();
plain.kill();
