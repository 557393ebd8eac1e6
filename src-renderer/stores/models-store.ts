// The Models screen: the library as the engine knows it.
import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import { AppError, type ErrorShape } from '../../src-main/contract/errors.ts';
import type { ModelLibrary } from '../../src-main/contract/history.ts';
import { useEngineStore } from './engine-store.ts';

export const useModelsStore = defineStore('models', () => {
  const library = shallowRef<ModelLibrary | null>(null);
  const refusal = shallowRef<ErrorShape | null>(null);

  async function load(): Promise<void> {
    refusal.value = null;
    try {
      library.value = await useEngineStore().connected().call['models.list']({});
    } catch (error) {
      refusal.value = AppError.from(error).toShape();
    }
  }

  return { library, refusal, load };
});
