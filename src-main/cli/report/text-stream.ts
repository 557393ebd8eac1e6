// Text that grows while it is told again and again: what is new of it.

/** Answers what the text `soFar` has that was not given yet. */
export function growingText(): (soFar: string) => string {
  let given = 0;
  return (soFar) => {
    const rest = soFar.slice(given);
    given = Math.max(given, soFar.length);
    return rest;
  };
}
