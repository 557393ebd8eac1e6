// @vitest-environment node
// What is said for a moment: it turns back by itself, counted from the last time it was said.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { effectScope } from 'vue';
import { usePassing } from '../../src-renderer/ui/use-passing.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('is said for a few seconds after the last time, and then as it was before', () => {
  const { now, say } = effectScope().run(() => usePassing('Copy'))!;
  say('Copied');
  vi.advanceTimersByTime(3000);
  say('Copied');
  vi.advanceTimersByTime(3000);
  expect(now.value).toBe('Copied');
  vi.advanceTimersByTime(1500);
  expect(now.value).toBe('Copy');
});

it('leaves nothing to be done once its component is gone', () => {
  const scope = effectScope();
  scope.run(() => usePassing(false))!.say(true);
  scope.stop();
  expect(vi.getTimerCount()).toBe(0);
});
