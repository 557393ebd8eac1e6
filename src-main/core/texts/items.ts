// Items: the smallest pieces that calibration samples start at, a paragraph or a record. Bytes are kept as they are.

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const separator = new Uint8Array([lineFeed, lineFeed]);

/**
 * A longer paragraph is given as its lines: texts with one document a line have no blank lines at all, and would else be
 * one item, good for one sample. 8 KiB is about one window of 2048 tokens.
 */
const longestParagraph = 8192;

interface Line {
  start: number;
  /** Without the line's end. */
  end: number;
  isBlank: boolean;
}

/** Paragraphs between blank lines (of nothing but whitespace), each without the end of its last line. */
export function paragraphs(bytes: Uint8Array): Uint8Array[] {
  const items: Uint8Array[] = [];
  let open: Line[] = [];
  const close = (): void => {
    if (open.length === 0) return;
    const [start, end] = [open[0]!.start, open.at(-1)!.end];
    if (end - start <= longestParagraph) items.push(bytes.subarray(start, end));
    else for (const line of open) items.push(bytes.subarray(line.start, line.end));
    open = [];
  };
  for (const line of lines(bytes)) {
    if (line.isBlank) close();
    else open.push(line);
  }
  close();
  return items;
}

/** Items with a blank line between each two, as the protocol joins them. */
export function joinItems(items: readonly Uint8Array[]): Uint8Array {
  const [first, ...rest] = items;
  if (first === undefined) return new Uint8Array();
  return new Uint8Array(Buffer.concat([first, ...rest.flatMap((item) => [separator, item])]));
}

function* lines(bytes: Uint8Array): Generator<Line> {
  for (let start = 0; start < bytes.length;) {
    const feed = bytes.indexOf(lineFeed, start);
    const next = feed === -1 ? bytes.length : feed + 1;
    let end = feed === -1 ? next : feed;
    if (end > start && bytes[end - 1] === carriageReturn) end--;
    yield { start, end, isBlank: bytes.subarray(start, end).every(isWhitespace) };
    start = next;
  }
}

/** Space, tab, vertical tab, form feed, carriage return. */
function isWhitespace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || (byte >= 0x0b && byte <= 0x0d);
}
