// The models that were used last, for the screens that open one.
import { onMounted, shallowRef, type ShallowRef } from 'vue';
import { useEngineStore } from '../../stores/engine-store.ts';
import { recentModels, type RecentModel } from './recent-models.ts';

/** Filled once the engine answers; without a history there is nothing recent, and the other ways in are there all the same. */
export function useRecentModels(): Readonly<ShallowRef<RecentModel[]>> {
  const recent = shallowRef<RecentModel[]>([]);
  onMounted(async () => {
    const list = await useEngineStore()
      .connected()
      .call['history.list']({ limit: 50 })
      .catch(() => ({ experiments: [] }));
    recent.value = recentModels(list.experiments);
  });
  return recent;
}
