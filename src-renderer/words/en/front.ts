// The chart of size against loss, and the plans beside it.
export const front = {
  label: 'Size against loss',
  views: { chart: 'Chart', table: 'Table' },
  viewsLabel: 'How plans are shown',
  chartLabel: 'Plans by size and loss; left and right move the choice',
  sizeAxis: { memory: 'On the card', file: 'File size' },
  lossAxis: 'Loses, nats per token',
  limit: (size: string) => `limit ${size}`,
  nothingLost: '0',
  measured: 'measured',
  predicted: 'predicted, with its range',
  slice: 'a narrower model',
  partlyOnCpu: 'partly on the CPU',
  best: 'best that fits',
  point: (name: string, size: string, loss: string, why: string) => `${name}: ${size}, loses ${loss}. ${why}`,
  why: {
    best: 'The best that fits.',
    asGood: 'As good as the best, within what a prediction can tell.',
    losesMore: (times: string) => `Loses ${times}× as much as the best that fits.`,
    tooBig: (size: string) => `Too big by ${size}.`,
    losesLess: (times: string) =>
      `Loses ${times}× less than the best that fits, and was not chosen for how it has to be run.`,
    measuredLess: (times: string) =>
      `Loses ${times}× less than is expected of the best that fits. What was measured does not change the order.`,
    losesNothing: 'Loses nothing, and was not chosen for how it has to be run.',
    slice: 'Kept only if it measures better than the best without slicing.',
    smaller: (size: string, times: string) => `${size} smaller, and loses ${times}× as much.`,
  },
  onCpu: 'On the processor',
  systemMemory: 'System memory',
};
