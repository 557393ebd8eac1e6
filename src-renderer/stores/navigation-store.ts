// Where the user is: one area at a time, with what is open in it, and the way back.
import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import type { Words } from '../words/words.ts';

/** An area has a name in the words and a line in frame/areas.ts. */
export type AreaId = keyof Words['frame']['areas'];

/** What is open in an area. */
export interface AreaParams {
  /** Id of a job, which is also the id of its run in the history. */
  run?: string;
  /** Runs of the history that are compared. */
  compare?: readonly string[];
  /** The run whose settings are changed for another one. */
  clone?: string;
}

interface Place {
  area: AreaId;
  params: AreaParams;
}

/** Places to go back to; who wanders around all day needs no more. */
const longestTrail = 50;

export const useNavigationStore = defineStore('navigation', () => {
  const place = shallowRef<Place>({ area: 'fit', params: {} });
  const trail = shallowRef<readonly Place[]>([]);

  const area = computed(() => place.value.area);
  const params = computed(() => place.value.params);
  const canGoBack = computed(() => trail.value.length > 0);

  function go(wanted: AreaId, wantedParams: AreaParams = {}): void {
    if (wanted === area.value && JSON.stringify(wantedParams) === JSON.stringify(params.value)) return;
    trail.value = [...trail.value, place.value].slice(-longestTrail);
    place.value = { area: wanted, params: wantedParams };
  }

  function back(): void {
    const last = trail.value.at(-1);
    if (last === undefined) return;
    trail.value = trail.value.slice(0, -1);
    place.value = last;
  }

  /** To an area itself, out of what is open in it: to when the user was there last, so that the way back does not lead in again. */
  function leaveTo(wanted: AreaId): void {
    const last = trail.value.findLastIndex(
      (earlier) => earlier.area === wanted && Object.keys(earlier.params).length === 0,
    );
    if (last >= 0) trail.value = trail.value.slice(0, last);
    place.value = { area: wanted, params: {} };
  }

  return { area, params, canGoBack, go, back, leaveTo };
});
