// Entry of the llama host: the throw-away child that loads llama.cpp and serves its API to the process that forked it.
import { llamaHostApi } from '../contract/llama-host-api.ts';
import { parentTransport } from '../rpc/node-child.ts';
import { serve } from '../rpc/server.ts';
import { createHandlers } from './handlers.ts';

serve(llamaHostApi, createHandlers(), parentTransport(), {
  withProgress: () => ({ memoryBytes: process.memoryUsage.rss() }),
});
