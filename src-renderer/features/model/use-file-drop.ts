// A file dropped anywhere on the window. The page never navigates to it.
import { onMounted, onUnmounted, shallowRef, type ShallowRef } from 'vue';
import { droppedModel, type Drop } from './dropped-model.ts';

export interface FileDrop {
  /** A file is being held over the window. */
  isOver: ShallowRef<boolean>;
}

/** Calls `take` with the model that was dropped, or why it is none, for as long as the component lives. */
export function useFileDrop(take: (drop: NonNullable<Drop>) => void): FileDrop {
  const isOver = shallowRef(false);

  function over(event: DragEvent): void {
    event.preventDefault();
    isOver.value = true;
  }

  function leave(event: DragEvent): void {
    if (event.relatedTarget === null) isOver.value = false; // left the window, not just an element of it
  }

  function drop(event: DragEvent): void {
    event.preventDefault();
    isOver.value = false;
    const dropped = [...(event.dataTransfer?.items ?? [])].map((item) => {
      const file = item.getAsFile();
      const path = file === null ? '' : window.app.pathOfDroppedFile(file);
      return { path, isFolder: item.webkitGetAsEntry()?.isDirectory ?? false };
    });
    const drop = droppedModel(dropped);
    if (drop !== null) take(drop);
  }

  const listeners = [
    ['dragover', over],
    ['dragleave', leave],
    ['drop', drop],
  ] as const;
  onMounted(() => {
    for (const [type, listener] of listeners) window.addEventListener(type, listener);
  });
  onUnmounted(() => {
    for (const [type, listener] of listeners) window.removeEventListener(type, listener);
  });
  return { isOver };
}
