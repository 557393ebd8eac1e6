// A spectrum as few points, for people who watch: even steps of log rank, because a few directions hold nearly everything.
import { spectrumPoints, type SiteFacts } from '../../contract/progress.ts';

/** Of eigenvalues [D], descending, with `damping` added to each: their ranks and shares of the undamped sum. */
export function pointsOfSpectrum(eigenvalues: Float64Array, damping = 0): NonNullable<SiteFacts['spectrum']> {
  const size = eigenvalues.length;
  // Eigenvalues of a Gram are not negative but for rounding.
  const undamped = (rank: number): number => Math.max(0, eigenvalues[rank - 1]! - damping);
  let sum = 0;
  for (let rank = 1; rank <= size; rank += 1) sum += undamped(rank);
  const ranks = new Set(
    Array.from({ length: spectrumPoints }, (_, step) => Math.round(size ** (step / (spectrumPoints - 1)))),
  );
  return [...ranks].map((rank) => [rank, sum > 0 ? undamped(rank) / sum : 0]);
}
