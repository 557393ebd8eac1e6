// The model: the first screen, and what is said of an open one.
export const model = {
  start: {
    title: 'Make a language model fit your card',
    tooBig: 'Too big',
    snug: 'Snug',
    lead: 'Open a model that is too big. Snug shows what would fit, byte by byte, and what each way costs in quality. It makes the one you choose and proves that it runs.',
    open: 'Open a model…',
    sample: 'Try it on the sample',
    dropNote: 'Or drop a .gguf file anywhere on this window. The sample has 14 MB and takes about half a minute.',
  },
  label: 'Model',
  change: 'Change',
  reading: (name: string) => `Reading ${name}…`,
  openAnother: 'Open another model',
  facts: {
    architecture: 'Architecture',
    parameters: 'Parameters',
    file: 'File',
    types: 'Types',
    typesHint: 'How the numbers are stored: the type of most tensors first.',
    moreTypes: (names: string, more: number) => `${names} and ${more} more`,
    context: 'Context',
    contextHint: 'The longest text the model can look back on.',
    layers: 'Layers',
    layersAndWidth: (layers: number, width: string) => `${layers}, ${width} wide`,
    experts: 'Experts',
    expertsUsed: (used: number, count: number) => `${used} of ${count} at a time`,
    expertsShared: (used: number, count: number, shared: number) =>
      `${used} of ${count} at a time and ${shared} shared`,
    canBeDone: 'Can be done',
    nothing: 'Nothing in this version',
    cannotBeDone: (count: number) =>
      count === 1
        ? '1 more that cannot be done with it, and why'
        : `${count} more that cannot be done with it, and why`,
  },
  abilities: {
    quantize: 'Quantise',
    importance: 'Measure importance',
    sliceShared: 'Slice, shared rotation',
    slicePerBlock: 'Slice, per block',
    prune: 'Prune',
    dropLayers: 'Drop layers',
  },
};
