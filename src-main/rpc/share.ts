// Several clients over one transport, for an engine that has one channel only: each client's ids lie in a range of their own,
// so an answer finds the client that asked, also after a page was loaded anew and counts its requests from zero again.
import { kindOf } from './message-size.ts';
import type { Transport } from './transport.ts';

/** More requests than any client makes; 2^21 clients fit into the integers that a number holds exactly. */
const idsPerClient = 2 ** 32;

interface Client {
  messages: ((message: unknown) => void)[];
  /** Requests without an answer yet, by the ids that the server knows. */
  open: Set<number>;
}

/**
 * A function that makes one more client of `server`. Clients may send requests and cancels; everything else they send is
 * dropped. Events go to all of them. Closing a client cancels what it still waits for and leaves `server` open.
 */
export function shareTransport(server: Transport): () => Transport {
  const clients = new Map<number, Client>();
  let nextClient = 0;
  server.onMessage((message) => {
    const id = idOf(message);
    if (id === null) {
      for (const client of clients.values()) deliver(client, message);
      return;
    }
    const client = clients.get(Math.floor(id / idsPerClient));
    if (client === undefined) return; // it has been closed
    if (kindOf(message) !== 'progress') client.open.delete(id);
    deliver(client, { ...(message as object), id: id % idsPerClient });
  });

  return () => {
    const number = nextClient++;
    const client: Client = { messages: [], open: new Set() };
    clients.set(number, client);
    return {
      send: (message) => {
        const id = idOf(message);
        const kind = kindOf(message);
        if (id === null || id >= idsPerClient || (kind !== 'request' && kind !== 'cancel')) return;
        const serverId = number * idsPerClient + id;
        if (kind === 'request') client.open.add(serverId);
        server.send({ ...(message as object), id: serverId });
      },
      onMessage: (listener) => void client.messages.push(listener),
      onClose: (listener) => server.onClose(listener),
      close: () => {
        clients.delete(number);
        for (const id of client.open) server.send({ kind: 'cancel', id });
      },
    };
  };
}

function deliver(client: Client, message: unknown): void {
  for (const listener of client.messages) listener(message);
}

function idOf(message: unknown): number | null {
  const id = (message as { id?: unknown } | null | undefined)?.id;
  return Number.isSafeInteger(id) && (id as number) >= 0 ? (id as number) : null;
}
