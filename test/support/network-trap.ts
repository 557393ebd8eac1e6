// Loaded before a program: writes down every step that it takes to the network, and lets none be taken.
import dgram from 'node:dgram';
import dns from 'node:dns';
import { appendFileSync } from 'node:fs';
import net from 'node:net';

const log = process.env['SNUG_NETWORK_LOG']!;
const note = (line: string): void => appendFileSync(log, `${line}\n`);

note(`began ${process.argv[1] ?? ''}`);

function trap(where: object, name: string, what: string): void {
  Object.assign(where, {
    [name]: (...args: unknown[]) => {
      note(`${what} ${JSON.stringify(args[0])}`);
      throw Object.assign(new Error('trapped'), { code: 'ENETUNREACH' });
    },
  });
}

// Everything ends here: http, https, fetch and tls all open sockets, and most look names up first.
trap(net.Socket.prototype, 'connect', 'connect');
trap(dgram.Socket.prototype, 'send', 'send');
trap(dns, 'lookup', 'lookup');
trap(dns.promises, 'lookup', 'lookup');
const { fetch } = globalThis;
globalThis.fetch = async (input, init) => {
  note(`fetch ${input instanceof Request ? input.url : String(input)}`);
  return fetch(input, init);
};
