// The calling end of an API: typed functions over a transport. Closing the transport rejects what is still open.
import type { z } from 'zod';
import type { ApiDefinition, CallOptions, ClientOf } from '../contract/define-api.ts';
import { AppError } from '../contract/errors.ts';
import type { Transport } from './transport.ts';
import { refusal, wireMessage } from './wire.ts';

interface Pending {
  resolve: (result: unknown) => void;
  reject: (error: AppError) => void;
  onProgress: ((progress: never) => void) | undefined;
}

export interface Client<Api extends ApiDefinition> {
  call: ClientOf<Api>;
  /** Listens to an event; the returned function ends it. */
  on<Name extends keyof Api['events'] & string>(
    name: Name,
    listener: (payload: z.infer<Api['events'][Name]>, seq: number) => void,
  ): () => void;
}

export interface ClientOptions {
  /** Error for requests that are open when the other end goes away. */
  closedError?: (reason: string) => AppError;
}

/** Connects to the server of `api` at the other end of `transport`. */
export function connect<Api extends ApiDefinition>(
  api: Api,
  transport: Transport,
  options: ClientOptions = {},
): Client<Api> {
  const connection = new Connection(api, transport, options.closedError ?? defaultClosedError);
  const call = Object.fromEntries(
    Object.keys(api.methods).map((method) => [
      method,
      (params: unknown, callOptions?: CallOptions<never>) => connection.request(method, params, callOptions),
    ]),
  ) as ClientOf<Api>;
  return { call, on: (name, listener) => connection.listen(name, listener as (payload: unknown, seq: number) => void) };
}

function defaultClosedError(reason: string): AppError {
  return new AppError('WORKER_CRASHED', `The other process is gone: ${reason}.`, { reason });
}

class Connection {
  private readonly api: ApiDefinition;
  private readonly transport: Transport;
  private readonly pending = new Map<number, Pending>();
  private readonly listeners = new Map<string, Set<(payload: unknown, seq: number) => void>>();
  private closed: AppError | null = null;
  private nextId = 0;

  constructor(api: ApiDefinition, transport: Transport, closedError: (reason: string) => AppError) {
    this.api = api;
    this.transport = transport;
    transport.onMessage((raw) => this.receive(raw));
    transport.onClose((reason) => {
      this.closed = closedError(reason);
      for (const request of this.pending.values()) request.reject(this.closed);
      this.pending.clear();
    });
  }

  request(method: string, params: unknown, { signal, onProgress }: CallOptions<never> = {}): Promise<unknown> {
    if (this.closed) return Promise.reject(this.closed);
    if (signal?.aborted) return Promise.reject(cancelled(signal));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const cancel = (): void => this.transport.send({ kind: 'cancel', id });
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T): void => {
          signal?.removeEventListener('abort', cancel);
          then(value);
        };
      this.pending.set(id, { resolve: settle(resolve), reject: settle(reject), onProgress });
      signal?.addEventListener('abort', cancel);
      this.transport.send({ kind: 'request', id, method, params });
    });
  }

  listen(name: string, listener: (payload: unknown, seq: number) => void): () => void {
    const set = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, set.add(listener));
    return () => set.delete(listener);
  }

  private receive(raw: unknown): void {
    const parsed = wireMessage.safeParse(raw);
    if (!parsed.success) return;
    const message = parsed.data;
    if (message.kind === 'event') {
      const schema = Object.hasOwn(this.api.events, message.name) ? this.api.events[message.name] : undefined;
      const payload = schema?.safeParse(message.payload);
      if (payload?.success)
        for (const listener of this.listeners.get(message.name) ?? []) listener(payload.data, message.seq);
      return;
    }
    if (message.kind === 'request' || message.kind === 'cancel') return; // for the server at this end, if there is one
    const request = this.pending.get(message.id);
    if (!request) return;
    if (message.kind === 'progress') return request.onProgress?.(message.progress as never);
    this.pending.delete(message.id);
    if (message.kind === 'refused') return request.reject(refusal(message));
    if (message.kind === 'result') request.resolve(message.result);
    else request.reject(AppError.fromShape(message.error));
  }
}

function cancelled(signal: AbortSignal): AppError {
  return signal.reason instanceof AppError ? signal.reason : new AppError('CANCELLED', 'Cancelled.');
}
