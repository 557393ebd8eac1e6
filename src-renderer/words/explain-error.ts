// The one funnel from an error to what the user reads: what happened, what to do, and the details to fold away.
import type { ErrorShape } from '../../src-main/contract/errors.ts';
import { useWords } from './words.ts';

export interface Explanation {
  title: string;
  /** What, where, expected and found: the message of the process that noticed it. */
  message: string;
  advice: string | null;
  /** For a problem report. */
  details: string;
}

export function explain(error: ErrorShape): Explanation {
  return { ...wordsFor(error), message: error.message, details: detailsOf(error) };
}

/** By the code, or by what is missing where the engine says that. */
function wordsFor({ code, details }: ErrorShape): Pick<Explanation, 'title' | 'advice'> {
  const { byCode, missing } = useWords().errors;
  const what = String(details['missing']);
  return code === 'FILE_NOT_FOUND' && Object.hasOwn(missing, what)
    ? missing[what as keyof typeof missing]
    : byCode[code];
}

function detailsOf({ code, details }: ErrorShape): string {
  const lines = Object.entries(details)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [`code: ${code}`, ...lines].join('\n');
}
