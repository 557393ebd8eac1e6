// The far end of the tests and the bench of calls between processes.
import { z } from 'zod';
import { defineApi, type HandlersOf } from '../../src-main/contract/define-api.ts';
import { parentTransport } from '../../src-main/rpc/node-child.ts';
import { serve, type Server } from '../../src-main/rpc/server.ts';

export const echoApi = defineApi({
  methods: {
    add: { params: z.object({ a: z.number(), b: z.number() }), result: z.number() },
    echo: { params: z.object({ bytes: z.instanceof(Uint8Array) }), result: z.instanceof(Uint8Array) },
    /** Answers with as many bytes. */
    make: { params: z.object({ bytes: z.number() }), result: z.instanceof(Uint8Array) },
    /** Events of these sizes, one after the other. */
    announce: { params: z.object({ sizes: z.array(z.number()) }), result: z.null() },
    /** Reports its ticks until it is cancelled. */
    tick: { params: z.object({}), result: z.null(), progress: z.number() },
  },
  events: { announced: z.object({ bytes: z.instanceof(Uint8Array) }) },
});

let server: Server<typeof echoApi> | null = null;

const handlers: HandlersOf<typeof echoApi> = {
  add: ({ a, b }) => a + b,
  echo: ({ bytes }) => bytes,
  make: ({ bytes }) => new Uint8Array(bytes),
  announce: ({ sizes }) => {
    for (const size of sizes) server?.emit('announced', { bytes: new Uint8Array(size) });
    return null;
  },
  tick: (_params, { signal, progress }) =>
    new Promise((_resolve, reject) => {
      let ticks = 0;
      const timer = setInterval(() => progress(ticks++), 20);
      signal.addEventListener('abort', () => {
        clearInterval(timer);
        reject(signal.reason as Error);
      });
    }),
};

if (process.argv[1] === import.meta.filename) server = serve(echoApi, handlers, parentTransport());
