// The settings that the engine keeps: folders, device, limits, the hub. What only the window needs is in settings-store.ts.
import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import type { DeviceList } from '../../src-main/contract/devices.ts';
import { AppError, type ErrorShape } from '../../src-main/contract/errors.ts';
import { usualSettings, type SettingsChange, type SettingsState } from '../../src-main/contract/settings.ts';
import { useEngineStore } from './engine-store.ts';

export const usePreferencesStore = defineStore('preferences', () => {
  const state = shallowRef<SettingsState | null>(null);
  /** A change that was refused; nothing was changed then. */
  const refusal = shallowRef<ErrorShape | null>(null);
  /** What every provider showed; null while it is not known. */
  const devices = shallowRef<DeviceList | null>(null);

  const settings = computed(() => state.value?.settings ?? usualSettings);

  async function load(): Promise<void> {
    await refusable(async () => {
      state.value = await useEngineStore().connected().call['settings.get']({});
    });
  }

  /** Answers whether it was taken. */
  async function change(wanted: SettingsChange): Promise<boolean> {
    await refusable(async () => {
      state.value = await useEngineStore().connected().call['settings.change'](wanted);
    });
    return refusal.value === null;
  }

  /** A change that was typed: its field tells a value that is wrong, and nobody else. Answers whether it was not that. */
  async function changeTyped(wanted: SettingsChange): Promise<boolean> {
    let isRight = true;
    await refusable(async () => {
      try {
        state.value = await useEngineStore().connected().call['settings.change'](wanted);
      } catch (error) {
        isRight = AppError.from(error).code !== 'USAGE';
        if (isRight) throw error;
      }
    });
    return isRight;
  }

  /** Tries what our graphs can run on: seconds where there is a GPU, once per engine. */
  async function tryDevices(): Promise<void> {
    devices.value = await useEngineStore()
      .connected()
      .call.devices({ probe: true })
      .catch(() => null);
  }

  async function refusable(action: () => Promise<void>): Promise<void> {
    refusal.value = null;
    try {
      await action();
    } catch (error) {
      refusal.value = AppError.from(error).toShape();
    }
  }

  return { state, settings, refusal, devices, load, change, changeTyped, tryDevices };
});
