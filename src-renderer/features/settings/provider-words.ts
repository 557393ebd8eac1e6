// What our graphs can run on, in words: what was found, and why the rest is not used.
import type { DeviceList, ProviderState } from '../../../src-main/contract/devices.ts';
import { formatFixed } from '../../words/numbers.ts';
import type { Tone } from '../../words/quality-words.ts';
import { useWords } from '../../words/words.ts';

const words = useWords();

export interface ProviderLine {
  name: string;
  tone: Tone;
  says: string;
}

const tones: Record<ProviderState['state'], Tone> = { auto: 'good', named: 'careful', absent: 'bad', faulty: 'bad' };

export function providersInWords({ providers, provider }: DeviceList): ProviderLine[] {
  const { compute } = words.settings;
  return providers.map((shown) => {
    const { name, state, adapter, speedup, reason } = shown;
    const parts = [
      compute.states[state],
      name === provider ? compute.chosen : '',
      adapter ?? '',
      state === 'auto' && name !== 'cpu' && speedup !== null ? compute.speedup(formatFixed(speedup, 1)) : '',
      reason ?? '',
    ];
    return {
      name: words.advanced.devices[name],
      tone: tones[state],
      says: parts.filter((part) => part !== '').join(' · '),
    };
  });
}
