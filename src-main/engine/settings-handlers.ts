// Settings as the window shows and changes them.
import type { HandlersOf } from '../contract/define-api.ts';
import type { EngineApi } from '../contract/engine-api.ts';
import type { SettingsState } from '../contract/settings.ts';
import { modelsFolder } from './hub/open-hub.ts';
import { hubSettings } from './hub/settings.ts';
import { statisticsUse } from './library/statistics-store.ts';
import type { UserSettings } from './user-settings.ts';

type SettingsHandlers = Pick<HandlersOf<EngineApi>, 'settings.get' | 'settings.change'>;

export function settingsHandlers({ home, settings }: { home: string; settings: UserSettings }): SettingsHandlers {
  const state = async (): Promise<SettingsState> => {
    const kept = settings.read();
    const set = (name: string): boolean => (process.env[name]?.trim() ?? '') !== '';
    return {
      settings: kept,
      folders: { userData: home, models: modelsFolder(home, kept) },
      hubEndpoint: hubSettings(process.env, kept).endpoint,
      overrides: { hubEndpoint: set('HF_ENDPOINT'), offline: hubSettings(process.env).offline },
      statisticsUsedBytes: await statisticsUse(home),
    };
  };
  return {
    'settings.get': state,
    'settings.change': async (change) => {
      await settings.change(change);
      return state();
    },
  };
}
