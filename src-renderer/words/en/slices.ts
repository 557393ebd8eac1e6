// What became of the slices of a fit.
export const slices = {
  fitsAsIs: 'Slicing was not considered: the model fits as it is.',
  refused: (message: string) => `Slicing was not considered: ${message}`,
  noneFits: 'No slice fits.',
  onlySlices: 'Only slices fit; only a measurement chooses one, and this run does not measure.',
  notMeasured: 'No slice was compared: only a measurement chooses one, and this run does not measure.',
  unwished: 'No slice was considered: only plans without one were asked for.',
  wished: (name: string) => `“${name}” was made because only slices were asked for.`,
  wishedMeasured: (name: string, loss: string) =>
    `“${name}” was made because only slices were asked for, and was measured at a loss of ${loss}.`,
  noneOfUse: 'No slice was made: there is no type that loses less and fits when it is sliced.',
  notMade: (name: string, because: string) => `“${name}” was not made: ${because}`,
  tooLarge: 'it does not fit.',
  nothingToCompare: 'there is no measurement to hold it against.',
  tooMuchMemory: (needed: string, allowed: string) =>
    `it is expected to need ${needed} of memory, and this run may have ${allowed}.`,
  notExpected: (least: string, unsliced: string, loss: string) =>
    `it is expected to lose at least ${least}, and “${unsliced}” without slicing was measured at ${loss}.`,
  /** `name` without a slice was asked for. */
  otherAsked: (name: string) => `No slice was compared: only “${name}” was asked for.`,
  bestSlice: (name: string, expected: string) =>
    `“${name}”, the best slice that fits, is expected, not measured, ${expected}.`,
  toLose: (loss: string, low: string, high: string) => `to lose ${loss} (${low} to ${high})`,
  toLoseNothing: 'to lose nothing',
  asked: (name: string) => `“${name}” was made because it was asked for.`,
  askedMeasured: (name: string, loss: string) =>
    `“${name}” was made because it was asked for, and was measured at a loss of ${loss}.`,
  notComparedAlone: 'It was not compared: nothing fits without slicing.',
  notCompared: (unsliced: string, expected: string) =>
    `It was not compared: “${unsliced}” fits without slicing and is expected, not measured, ${expected}.`,
  compared: (name: string, loss: string, unsliced: string, other: string) =>
    `“${name}” was measured at a loss of ${loss}; “${unsliced}” without slicing fits and loses ${other}.`,
  settings: (loss: string, settings: string) => `${loss} (its settings count ${settings} more)`,
  better: 'The slice is better and was chosen.',
  close: 'The difference is within the error of the measurement, so the slice was not chosen.',
  worse: 'Do not slice this.',
  alone: (name: string) => `Nothing fits without slicing; “${name}” does.`,
  aloneMeasured: (name: string, loss: string) =>
    `Nothing fits without slicing; “${name}” does, and was measured at a loss of ${loss}.`,
  ofNoUse: 'That is too much to be of use.',
};
