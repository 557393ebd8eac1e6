// What the window and the command line ask of a hub besides a model: only ever because a user asked for it.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { EngineApi } from '../../contract/engine-api.ts';
import type { UserSettings } from '../user-settings.ts';
import { choicesOf, publishedFor } from './offered.ts';
import { openHub } from './open-hub.ts';
import { searchHub, type Asking } from './search.ts';
import { keepToken } from './settings.ts';

type HubHandlers = Pick<HandlersOf<EngineApi>, 'hub.setToken' | 'hub.search' | 'hub.files' | 'hub.published'>;

export function hubHandlers({ home, settings }: { home: string; settings: UserSettings }): HubHandlers {
  const asking = (offline: boolean, signal: AbortSignal): Asking =>
    openHub({ home, preferences: settings.read(), offline, signal, warn: () => {} });
  return {
    'hub.setToken': ({ token }) => {
      keepToken(token);
      return {};
    },
    'hub.search': async ({ words, limit, offline = false }, { signal }) => ({
      words,
      repositories: await searchHub(asking(offline, signal), words, limit),
    }),
    'hub.files': async ({ repository, offline = false }, { signal }) => ({
      repository,
      choices: await choicesOf(asking(offline, signal), repository),
    }),
    'hub.published': ({ repository, offline = false }, { signal }) => publishedFor(asking(offline, signal), repository),
  };
}
