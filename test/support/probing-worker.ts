// A worker whose probe does what SNUG_TEST_PROBE says, in place of a driver: `end` the process, `hang`, `wait` a while, or answer
// the state it names.
import { workerApi } from '../../src-main/contract/worker-api.ts';
import { parentTransport } from '../../src-main/rpc/node-child.ts';
import { serve } from '../../src-main/rpc/server.ts';
import { handlers } from '../../src-main/worker/handlers.ts';

const behaviour = process.env['SNUG_TEST_PROBE'];
const shown = { adapter: null, deviation: null, speedup: 2, hasFloat16: behaviour !== 'auto-without-f16' };

serve(
  workerApi,
  {
    ...handlers,
    probeProvider: async ({ provider, thorough }) => {
      if (behaviour === 'end') {
        process.stderr.write('driver: gone\n');
        process.kill(process.pid, 'SIGSEGV');
      }
      while (behaviour === 'hang');
      if (provider === 'cuda') return { ...shown, state: 'absent' as const, reason: 'not this one' };
      if (behaviour === 'named') return { ...shown, state: 'named' as const, reason: `thorough: ${thorough}` };
      return { ...shown, state: 'auto' as const, reason: null };
    },
  },
  parentTransport(),
);
