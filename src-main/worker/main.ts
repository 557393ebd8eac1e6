// Entry of the worker process: the tensor arithmetic of Snug, one task per method, over the parent's channel.
import { workerApi } from '../contract/worker-api.ts';
import { parentTransport } from '../rpc/node-child.ts';
import { serve } from '../rpc/server.ts';
import { handlers } from './handlers.ts';

serve(workerApi, handlers, parentTransport(), { withProgress: () => ({ memoryBytes: process.memoryUsage.rss() }) });
