// The fake engine as a process. FAKE_ENGINE says how it behaves: slow jobs run until cancelled, late ones take long for it,
// stubborn ones run even then, a stuck engine does not even end with its parent, a dying one ends when it is given a job. It writes to stdout, which must not reach the user's.
import { parentTransport } from '../../src-main/rpc/node-child.ts';
import { serveFakeEngine, successfulJob } from './fake-engine.ts';

const behaviour = process.env['FAKE_ENGINE'];
process.stdout.write('noise of the engine\n');
if (behaviour === 'stuck') setInterval(() => {}, 1000);

serveFakeEngine(parentTransport(), {
  stubborn: behaviour === 'stubborn' || behaviour === 'stuck',
  cancelMs: behaviour === 'late' ? 1400 : 0,
  events: (recipe) => {
    if (behaviour === 'dying') process.exit(7);
    return behaviour === undefined ? successfulJob(recipe) : successfulJob(recipe).slice(0, 2);
  },
});
