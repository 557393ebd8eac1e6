/** The rows that no other row beats: none is as small and loses less, or as good and smaller. */
export function frontOf<Row extends { fileBytes: number; kld: number }>(rows: readonly Row[]): Set<Row> {
  const beats = (a: Row, b: Row): boolean =>
    a.fileBytes <= b.fileBytes && a.kld <= b.kld && (a.fileBytes < b.fileBytes || a.kld < b.kld);
  return new Set(rows.filter((row) => !rows.some((other) => beats(other, row))));
}
