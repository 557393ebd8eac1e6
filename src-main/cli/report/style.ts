// Colour and weight of terminal text: only on a terminal, never with NO_COLOR.
import { styleText } from 'node:util';

/** A stream that text goes to; process.stdout and process.stderr are such. */
export interface TextStream {
  write(text: string): unknown;
  isTTY?: boolean;
  /** 0 where a terminal does not know its width. */
  columns?: number;
}

export interface Style {
  strong: (text: string) => string;
  quiet: (text: string) => string;
  good: (text: string) => string;
  careful: (text: string) => string;
  bad: (text: string) => string;
}

export function styleFor(stream: TextStream, environment: NodeJS.ProcessEnv): Style {
  const enabled = stream.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
  const apply =
    (format: 'bold' | 'dim' | 'green' | 'yellow' | 'red') =>
    (text: string): string =>
      enabled ? styleText(format, text, { validateStream: false }) : text;
  return {
    strong: apply('bold'),
    quiet: apply('dim'),
    good: apply('green'),
    careful: apply('yellow'),
    bad: apply('red'),
  };
}

/** Text without the control characters that a name inside a model file could smuggle to a terminal; line ends and styles stay. */
export function printable(text: string): string {
  return text.replaceAll(/\x1b(?!\[\d+m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]/g, '\uFFFD');
}

/** How a text result is drawn: its style, and its width where it goes to a terminal. */
export interface Canvas {
  style: Style;
  /** Columns of the terminal; null = not a terminal, nothing is cut. */
  width: number | null;
}
