// The guard of actions that are under way: a second press is no second wish.

/** `action`, which is not begun again with the same arguments while it is under way: both callers get the one outcome. */
export function singly<Arguments extends readonly (string | null | undefined)[], T>(
  action: (...given: Arguments) => Promise<T>,
): (...given: Arguments) => Promise<T> {
  const underWay = new Map<string, Promise<T>>();
  return (...given) => {
    const key = JSON.stringify(given);
    const begun = underWay.get(key) ?? action(...given).finally(() => underWay.delete(key));
    underWay.set(key, begun);
    return begun;
  };
}
