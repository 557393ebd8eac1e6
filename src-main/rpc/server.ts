// The serving end of an API: validates every request, runs its handler, answers always.
import { z } from 'zod';
import type { ApiDefinition, HandlerContext, HandlersOf, MethodDefinition } from '../contract/define-api.ts';
import { AppError } from '../contract/errors.ts';
import { throttle } from './throttle.ts';
import type { Transport } from './transport.ts';
import { refusal, requestHead, wireMessage } from './wire.ts';

export interface Server<Api extends ApiDefinition> {
  emit<Name extends keyof Api['events'] & string>(name: Name, payload: z.infer<Api['events'][Name]>): void;
}

/** Progress messages of one request go out at most this often; the last value is always sent, and none is lost that an API merges. */
const progressIntervalMs = 100;

export interface ServerOptions {
  /** What goes out with every progress message that is sent, read then. */
  withProgress?: () => object;
}

/** Serves `handlers` over `transport` until it closes; requests still running then are aborted. */
export function serve<Api extends ApiDefinition>(
  api: Api,
  handlers: HandlersOf<Api>,
  transport: Transport,
  { withProgress }: ServerOptions = {},
): Server<Api> {
  const running = new Map<number, AbortController>();
  let seq = 0;
  const complete = (progress: unknown): unknown =>
    withProgress ? { ...(progress as object), ...withProgress() } : progress;

  async function answer(id: number, method: string, params: unknown): Promise<void> {
    const controller = new AbortController();
    running.set(id, controller);
    const merge = methodOf(api, method)?.mergeProgress as ((waiting: unknown, next: unknown) => unknown) | undefined;
    const report = throttle(
      (progress: unknown) => transport.send({ kind: 'progress', id, progress: complete(progress) }),
      progressIntervalMs,
      merge,
    );
    try {
      const result = await dispatch(api, handlers, { method, params }, { signal: controller.signal, progress: report });
      report.flush();
      transport.send({ kind: 'result', id, result });
    } catch (error) {
      report.flush();
      transport.send({ kind: 'error', id, error: AppError.from(error).toShape() });
    } finally {
      running.delete(id);
    }
  }

  /** Whoever waits for an answer gets one; what has no id to answer is dropped, and the peer lives on. */
  function refuse(raw: unknown, problem: z.ZodError): void {
    const { data: head } = requestHead.safeParse(raw);
    if (head === undefined) return;
    const error = new AppError('USAGE', `This is no request: ${z.prettifyError(problem)}`);
    transport.send({ kind: 'error', id: head.id, error: error.toShape() });
  }

  transport.onMessage((raw) => {
    const parsed = wireMessage.safeParse(raw);
    if (!parsed.success) return refuse(raw, parsed.error);
    const message = parsed.data;
    if (message.kind === 'request') void answer(message.id, message.method, message.params);
    else if (message.kind === 'refused' && message.of === 'request')
      transport.send({ kind: 'error', id: message.id, error: refusal(message).toShape() });
    else if (message.kind === 'cancel') running.get(message.id)?.abort(new AppError('CANCELLED', 'Cancelled.'));
  });
  transport.onClose(() => {
    for (const controller of running.values()) controller.abort(new AppError('CANCELLED', 'The caller is gone.'));
  });

  return {
    emit(name, payload) {
      transport.send({ kind: 'event', name, seq: seq++, payload });
    },
  };
}

const methodOf = (api: ApiDefinition, name: string): MethodDefinition | undefined =>
  Object.hasOwn(api.methods, name) ? api.methods[name] : undefined;

interface Call {
  method: string;
  params: unknown;
}

async function dispatch<Api extends ApiDefinition>(
  api: Api,
  handlers: HandlersOf<Api>,
  call: Call,
  context: HandlerContext<unknown>,
): Promise<unknown> {
  const definition = methodOf(api, call.method);
  if (!definition) throw new AppError('USAGE', `There is no method "${call.method}".`, { method: call.method });
  const params = definition.params.safeParse(call.params);
  if (!params.success) {
    throw new AppError('USAGE', `Wrong parameters for ${call.method}: ${z.prettifyError(params.error)}`, {
      method: call.method,
    });
  }
  const handler = handlers[call.method as keyof Api['methods']];
  return handler(params.data as never, context);
}
