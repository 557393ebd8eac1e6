// Charts: what is around them, and places of a model.
export const charts = {
  asTable: 'As a table',
  tableOf: (title: string) => `${title}, as a table`,
  places: {
    embedding: 'embedding',
    attention: 'attention',
    mlp: 'MLP',
    block: 'block',
    head: 'output layer',
    sharedRotation: 'all layers',
    inLayer: (layer: number, part: string) => `layer ${layer} · ${part}`,
  },
  place: 'Place',
  lost: 'Energy lost',
  width: 'Width',
  errors: {
    title: 'Error per layer',
    hint: 'At each place where the signal between layers is narrowed: the share of its energy that goes. Little energy is little error.',
    summary: (place: string, lost: string, width: number | undefined) =>
      width === undefined
        ? `${place}: ${lost} of the energy goes`
        : `${place}: cut to ${width}, ${lost} of the energy goes`,
    legend: (first: string, second: string) => `Dark: ${first}. Light: ${second}.`,
  },
  spectrum: {
    title: 'Spectrum',
    hint: 'How the energy of the signal is spread over directions, from the strongest to the weakest, both on a logarithmic scale. The steeper it falls, the more can be cut.',
    summary: (share: string) => `the strongest direction holds ${share} of the energy`,
    previous: 'Earlier place',
    next: 'Later place',
    rank: 'Direction',
    share: 'Share of the energy',
    cutAt: (width: number, size: number) => `cut at ${width} of ${size}`,
  },
  memory: {
    title: 'Memory',
    hint: 'What the process that computes holds right now, in the main memory.',
    summary: (now: string, most: string) => `${now} now, ${most} at most`,
    time: 'Time',
    held: 'Held',
  },
};
