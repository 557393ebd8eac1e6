// What has to be said whichever screen is in view: something that was asked for and did not happen.
import { defineStore } from 'pinia';
import { shallowRef, watch } from 'vue';
import type { ErrorShape } from '../../src-main/contract/errors.ts';
import { explain } from '../words/explain-error.ts';
import { useNavigationStore } from './navigation-store.ts';

export interface Notice {
  title: string;
  message: string;
  advice: string | null;
}

export const useNoticeStore = defineStore('notice', () => {
  const notice = shallowRef<Notice | null>(null);

  function tell(told: Notice): void {
    notice.value = told;
  }

  const tellError = (error: ErrorShape): void => tell(explain(error));

  function close(): void {
    notice.value = null;
  }
  // Who goes on has read it.
  watch(() => useNavigationStore().area, close);

  return { notice, tell, tellError, close };
});
