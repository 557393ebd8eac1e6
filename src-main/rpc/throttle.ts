// At most one call per interval; the newest value waits and is sent when the interval ends or on flush.

export interface Throttled<T> {
  (value: T): void;
  flush(): void;
}

/** @param merge what a waiting value becomes with a newer one; by default the newer one alone */
export function throttle<T>(
  send: (value: T) => void,
  intervalMs: number,
  merge: (waiting: T, next: T) => T = (_waiting, next) => next,
): Throttled<T> {
  let lastSent = -Infinity;
  let waiting: { value: T } | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (waiting === null) return;
    const { value } = waiting;
    waiting = null;
    lastSent = performance.now();
    send(value);
  }

  const call = (value: T): void => {
    waiting = { value: waiting === null ? value : merge(waiting.value, value) };
    const left = lastSent + intervalMs - performance.now();
    if (left <= 0) flush();
    else timer ??= setTimeout(flush, left);
  };
  return Object.assign(call, { flush });
}
