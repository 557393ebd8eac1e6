// A file dropped anywhere on the window. The page never navigates to it.
import { onMounted, onUnmounted, shallowRef, type ShallowRef } from 'vue';

export interface FileDrop {
  /** A file is being held over the window. */
  isOver: ShallowRef<boolean>;
}

/** Calls `take` with the path of a dropped file or folder, for as long as the component lives. */
export function useFileDrop(take: (path: string) => void): FileDrop {
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
    const file = event.dataTransfer?.files[0];
    const path = file && window.app.pathOfDroppedFile(file);
    if (path) take(path); // text and pictures from other programs have no path
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
