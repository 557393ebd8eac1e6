// A panel that takes the place of another takes the focus too: the button that was pressed is gone with the old one.
import { onMounted, useTemplateRef } from 'vue';

/** Focuses the element with `ref="title"` when the component appears. It needs tabindex="-1". */
export function useFocusOnMount(): void {
  const title = useTemplateRef<HTMLElement>('title');
  onMounted(() => title.value?.focus());
}
