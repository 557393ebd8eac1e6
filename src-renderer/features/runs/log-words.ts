// Lines of a run's log for people.
import type { LogLine } from '../../../src-main/contract/job-log.ts';
import { useWords } from '../../words/words.ts';
import { stageLabel } from './stage-steps.ts';

const words = useWords();

export interface LogEntry {
  /** ISO 8601. */
  time: string;
  /** `21:04:07`. */
  clock: string;
  text: string;
  isWarning: boolean;
}

export function logEntry({ time, event, facts }: LogLine): LogEntry {
  const clock = new Date(time).toLocaleTimeString(words.numbers.locale, { hour12: false });
  return { time, clock, text: textOf(event, facts), isWarning: event === 'failed' || warningsOf(facts).length > 0 };
}

function textOf(event: string, facts: LogLine['facts']): string {
  const { events, taken } = words.runs.log;
  if (event === 'stage') return joined([stageLabel(String(facts['stage'])), stringOf(facts['detail'])], ' · ');
  const name = event in events ? events[event as keyof typeof events] : event;
  if (event === 'start') return joined([name, facts['isResumed'] === true ? taken : ''], ', ');
  if (event === 'failed') return joined([name, messageOf(facts['error'])], ': ');
  return joined([name, warningsOf(facts).join(' ')], ': ');
}

const joined = (parts: readonly string[], by: string): string => parts.filter((part) => part !== '').join(by);
const stringOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const messageOf = (error: unknown): string => stringOf((error as { message?: unknown } | undefined)?.message);
const warningsOf = ({ warnings }: LogLine['facts']): string[] => (Array.isArray(warnings) ? warnings.map(String) : []);
