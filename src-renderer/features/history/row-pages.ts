// The rows of a long list, fetched page by page: what is looked at first, then outwards from there, so that scrolling finds rows.
// What has been fetched stays in view until its newer version arrives: a list that changes never turns blank.
import { shallowRef, triggerRef, type ShallowRef } from 'vue';

export interface Page<Row> {
  rows: Row[];
  total: number;
}

export interface RowPages<Row> {
  /** As many as there are; those that are not here yet are undefined. */
  rows: ShallowRef<(Row | undefined)[]>;
  /** null until the first page has come. */
  total: ShallowRef<number | null>;
  /** Another list: its rows replace those in view when its first page comes. */
  open: () => Promise<void>;
  /** The same list, changed: fetched again, row by row in its place. */
  refresh: () => Promise<void>;
  /** What is in view now is fetched before the rest. */
  look: (first: number, last: number) => void;
}

/** @param pageSize rows of a request; @param keep rows that are fetched ahead, beyond what is looked at */
export function rowPages<Row>(
  fetchPage: (offset: number, limit: number) => Promise<Page<Row>>,
  { pageSize, keep }: { pageSize: number; keep: number },
): RowPages<Row> {
  const rows = shallowRef<(Row | undefined)[]>([]);
  const total = shallowRef<number | null>(null);
  const fresh = new Set<number>();
  let inView: [first: number, last: number] = [0, 0];
  let list = 0;
  /** Lists that were asked for and have not come: until then there is nothing to fill. */
  let opening = 0;
  let filling: Promise<void> | null = null;

  function place(page: number, { rows: found, total: count }: Page<Row>): void {
    total.value = count;
    rows.value.length = count;
    for (const [index, row] of found.entries()) rows.value[page * pageSize + index] = row;
    fresh.add(page);
    triggerRef(rows);
  }

  async function fill(): Promise<void> {
    const next = (): number | null => {
      if (opening > 0) return null;
      const place = { inView, count: total.value ?? 1, pageSize };
      const found = nearestMissing(place, (page) => fresh.has(page));
      return found === null || found.rowsAway > keep ? null : found.page;
    };
    for (let page = next(); page !== null; page = next()) {
      const wanted = list;
      const found = await fetchPage(page * pageSize, pageSize);
      if (wanted === list) place(page, found);
    }
  }

  /** One request at a time: what is looked at meanwhile is decided after each. */
  function ensure(): Promise<void> {
    filling ??= fill().finally(() => (filling = null));
    return filling;
  }

  async function open(): Promise<void> {
    const wanted = ++list;
    inView = [0, 0];
    opening++;
    const first = await fetchPage(0, pageSize).finally(() => opening--);
    if (wanted !== list) return;
    fresh.clear();
    rows.value = [];
    place(0, first);
    void ensure().catch(() => {}); // the next look asks again, and tells
  }

  async function refresh(): Promise<void> {
    list++;
    fresh.clear();
    await ensure();
  }

  function look(first: number, last: number): void {
    inView = [first, last];
    if (total.value !== null) void ensure().catch(() => {});
  }

  return { rows, total, open, refresh, look };
}

interface Place {
  inView: readonly [first: number, last: number];
  /** Of all rows. */
  count: number;
  pageSize: number;
}

/** The page that is missing nearest to what is in view; null where all are there. */
function nearestMissing(
  { inView, count, pageSize }: Place,
  isThere: (page: number) => boolean,
): { page: number; rowsAway: number } | null {
  const pageOf = (row: number): number => Math.floor(Math.min(row, Math.max(0, count - 1)) / pageSize);
  const [first, last] = [pageOf(inView[0]), pageOf(inView[1])];
  const pages = Math.ceil(count / pageSize);
  for (let distance = 0; distance < pages; distance++) {
    const near = distance === 0 ? range(first, last) : [last + distance, first - distance];
    const page = near.find((one) => one >= 0 && one < pages && !isThere(one));
    if (page !== undefined) return { page, rowsAway: distance * pageSize };
  }
  return null;
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);
