// Quantisations of the open model that others published.
export const published = {
  label: 'Published quantisations',
  maybe: (repository: string) => `Others may have published ${repository} quantised.`,
  look: 'Look for published quantisations',
  looking: (repository: string) => `Asking the hub for quantisations of ${repository}…`,
  fits: (repository: string, name: string, size: string) =>
    `Published: ${repository}, ${name}, ${size}. By its size it would fit; its loss is not known to Snug.`,
  noneFits: (count: number) =>
    count === 1
      ? 'One quantisation is published; it would not fit, or is no smaller.'
      : `${count} quantisations are published; none of them would fit and is smaller.`,
  none: (repository: string) => `No GGUF on the hub says that it is a quantisation of ${repository}.`,
  plan: 'Plan with it',
  download: 'Download it',
  gated: 'Its owner asks first: it needs a token of an account that has access.',
  all: (count: number) => (count === 1 ? 'The one that is smaller' : `All ${count} that are smaller`),
  wouldFit: 'would fit',
  tooBig: 'too big',
};
