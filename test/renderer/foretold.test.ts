// What a run would take, asked before its output has a name and after.
import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, expect, it, vi } from 'vitest';
import { effectScope } from 'vue';
import { AppError } from '../../src-main/contract/errors.ts';
import type { Preflight } from '../../src-main/contract/preflight.ts';
import { useAskedStart } from '../../src-renderer/features/preflight/use-asked-start.ts';
import { useForetold } from '../../src-renderer/features/preflight/use-foretold.ts';
import { useEngineStore } from '../../src-renderer/stores/engine-store.ts';
import { fakeEngine } from './fake-engine.ts';

beforeEach(() => setActivePinia(createPinia()));

it('refuses nothing for the folder of an output that is only suggested, and the start of one that is named', async () => {
  const foreseen: Preflight = {
    ...{ seconds: { low: 1, likely: 2, high: 3 }, stages: {}, peakMemoryBytes: 5 },
    ...{ disks: [{ place: '/', neededBytes: 1e9, freeBytes: null }], problems: [], warnings: [] },
  };
  const engine = fakeEngine({
    'jobs.preflight': ({ isOutputOpen }) => {
      if (isOutputOpen !== true) throw new AppError('NOT_WRITABLE', 'Choose another folder.');
      return foreseen;
    },
  });
  await useEngineStore().start(engine.open);
  const recipe = { verb: 'quantize', model: '/m.gguf', output: '/read-only/o.gguf', type: 'Q8_0' } as const;
  const scope = effectScope();
  const foretold = scope.run(() => useForetold(() => recipe))!;
  await vi.waitFor(() => expect(foretold.value).toEqual({ state: 'told', preflight: foreseen }));
  scope.stop();

  const { ask, preparation } = useAskedStart(async () => {});
  await ask({ recipe });
  expect(preparation.value?.answer).toMatchObject({ state: 'failed', error: { code: 'NOT_WRITABLE' } });
});
