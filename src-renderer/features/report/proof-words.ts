// What llama.cpp's proof of a file says, in words.
import type { Proof } from '../../../src-main/contract/results.ts';
import { formatCount, formatFixed, formatMemory } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';

const words = useWords();

export function proofLines({ maxLogProbDifference, logProbTolerance, positions, memory, reason }: Proof): string[] {
  const isCompared = maxLogProbDifference !== null && logProbTolerance !== null;
  return [
    ...(reason === null ? [] : [reason]),
    ...(isCompared
      ? [
          words.report.proofFigures(
            formatFixed(maxLogProbDifference, 3),
            formatFixed(logProbTolerance, 3),
            formatCount(positions),
          ),
        ]
      : []),
    words.report.proofMemory(formatMemory(memory.plannedBytes), formatMemory(memory.reportedBytes)),
  ];
}
