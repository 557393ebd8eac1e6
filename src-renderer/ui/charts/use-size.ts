// The size of an element in whole pixels, for what is drawn to measure.
import {
  computed,
  onMounted,
  onScopeDispose,
  shallowRef,
  useTemplateRef,
  type ComputedRef,
  type ShallowRef,
} from 'vue';

/** Width of an element, else of the one with `ref="area"`; 0 until it is known. */
export function useWidth(
  area: Readonly<ShallowRef<HTMLElement | null>> = useTemplateRef<HTMLElement>('area'),
): Readonly<ShallowRef<number>> {
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

export interface Margin {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** A chart as wide as the element with `ref="area"`, and what its axes and labels leave for the plot. */
export function usePlot(
  height: number,
  margin: Margin,
): { width: Readonly<ShallowRef<number>>; plot: ComputedRef<{ width: number; height: number }> } {
  const width = useWidth();
  const plot = computed(() => ({
    width: Math.max(1, width.value - margin.left - margin.right),
    height: height - margin.top - margin.bottom,
  }));
  return { width, plot };
}
