// The size of an element in whole pixels, for charts that are drawn to measure.
import { onMounted, onScopeDispose, shallowRef, useTemplateRef, type ShallowRef } from 'vue';

/** Width of the element with `ref="area"`; 0 until it is known. */
export function useWidth(): Readonly<ShallowRef<number>> {
  const area = useTemplateRef<HTMLElement>('area');
  const width = shallowRef(0);
  const observer = new ResizeObserver(([entry]) => {
    if (entry) width.value = Math.floor(entry.contentRect.width);
  });
  onMounted(() => {
    if (area.value) observer.observe(area.value);
  });
  onScopeDispose(() => observer.disconnect());
  return width;
}
