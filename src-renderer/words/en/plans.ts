// Plans: their names, their verdicts, the bar.
export const plans = {
  label: 'Plans',
  parts: { weights: 'Weights', kv: 'KV cache', buffers: 'Buffers', reserve: 'Reserve', file: 'File' },
  partHints: {
    weights: 'The model itself.',
    kv: 'What the model remembers of the text so far; grows with the context.',
    buffers: 'Room for the arithmetic while it runs.',
    reserve: 'Kept for the display and the driver.',
  },
  free: 'Free',
  overBy: 'Over by',
  barInWords: (limit: string, parts: string) => `Of ${limit}: ${parts}.`,
  barPart: (part: string, size: string) => `${part} ${size}`,
  barFree: (size: string) => `free ${size}`,
  barOver: (size: string) => `over by ${size}`,
  spare: (size: string) => `${size} to spare`,
  tooMuch: (size: string) => `over by ${size}`,
  verdict: {
    fits: (spare: string) => `Fits, with ${spare} to spare`,
    fitsAsIs: (spare: string) => `Fits as it is, with ${spare} to spare`,
    fitsMostlyOnCpu: (spare: string) => `Fits, but runs mostly on the CPU (slow), with ${spare} to spare`,
    fitsPartlyOnCpu: (spare: string) => `Fits, but runs partly on the CPU (slower), with ${spare} to spare`,
    layersOnCpu: (layers: number, all: number) =>
      `${layers} of ${all} layers run on the CPU, where every word takes much longer than on the card.`,
    expertsOnCpu: (layers: number) =>
      `The experts of ${layers === 1 ? '1 layer' : `${layers} layers`} run on the CPU, where every word takes longer than on the card.`,
    writeSize: 'Write a size, and Snug works out what fits',
    doesNotFit: (over: string) => `Does not fit: over by ${over}`,
    nothingFits: (limit: string) => `Nothing fits ${limit}`,
    noSliceFits: (limit: string) => `No slice fits ${limit}`,
    otherPlans: 'Allow other plans: see “Make smaller by” below Advanced.',
    smallest: (name: string, size: string, over: string) =>
      `The smallest plan of use (${name}) needs ${size}, ${over} too much.`,
    largerCard: 'Use a larger card, a shorter context, or a smaller model.',
    largerFile: 'Allow a larger file, or choose a smaller model.',
  },
  name: {
    source: 'The source unchanged',
    sourceInLine: 'source unchanged',
    slicedTo: (width: string) => `sliced to ${width} columns`,
    mix: (type: string) => `${type} mix`,
    pure: (type: string) => `${type} on all tensors`,
    sliced: (width: number, hiddenSize: number) => `Sliced to ${width} of ${hiddenSize} columns`,
    notQuantised: 'weights not quantised',
    kvCache: (type: string) => `KV cache ${type}`,
    context: (tokens: string) => `context ${tokens}`,
    layersOnCpu: (layers: number) => (layers === 1 ? '1 layer on the CPU' : `${layers} layers on the CPU`),
    expertsOnCpu: (layers: number) =>
      layers === 1 ? 'experts of 1 layer on the CPU' : `experts of ${layers} layers on the CPU`,
  },
  question: {
    file: (count: number, size: string) => `${count} plans for a file of ${size}`,
    card: (count: number, size: string, context: string, kvType: string) =>
      `${count} plans for a ${size} card with ${context} tokens of context, KV cache ${kvType}`,
  },
  clone: {
    settingsOf: 'Settings of run',
    makes: '; what is made with them is kept as its clone.',
    drop: 'Use the usual settings',
  },
  working: 'Working out what fits…',
  workingCounted: (done: number, total: number) => `Working out what fits: ${done} of ${total}…`,
  waiting: 'Waiting for the run to end, then working out what fits…',
  sentence: (name: string, size: string, loss: string) => `${name}: ${size}, loses ${loss}.`,
  cost: (time: string, file: string, memory: string) =>
    `Making it takes about ${time} and ${memory} of memory, and writes ${file}.`,
  costChanged: (time: string, file: string, memory: string) =>
    `With the settings below, making it takes about ${time} and ${memory} of memory, and writes ${file}.`,
  costOfBest: (count: number, time: string, disk: string, memory: string) =>
    `With the settings below, ${count === 1 ? 'making the best plan' : `making and measuring the best ${count}`} takes about ${time}, ${memory} of memory and up to ${disk} of disk.`,
  costAsked: 'Working out what it takes with the settings below…',
  settingWrong: 'First put right what is wrong in the settings below.',
  costLater: 'What making it takes is told before it starts.',
  lossWithImportance: 'Losses are those with importance, which is off in the settings below.',
  make: 'Make it…',
  prove: 'Prove that it runs',
  tryAgain: 'Try again',
  noSlices: (reason: string) => `No slices among the plans: ${reason}`,
  systemMemory: (size: string) => `Needs ${size} of system memory besides.`,
  thingsToKnow: 'Things to know',
  remarks: {
    narrower:
      'Cuts the width of the model: calibration finds the directions that carry least, and they are left out. It usually loses more than smaller types do, so a slice is kept only if it measures better.',
    'narrower-wished':
      'Cuts the width of the model: calibration finds the directions that carry least, and they are left out. It usually loses more than smaller types do.',
    'folder-written': 'The folder is written as one GGUF file, which is what runners read.',
    'of-no-use': 'Expected to lose too much to be of use.',
    'source-quantised': 'The source is quantised already; the loss is counted against it, not against the original.',
    'cache-type': 'Start the runner with flash attention and this cache type.',
  },
  remarkFallback: (fallen: number, matrices: number, blockSize: number, types: string) =>
    `${fallen} of ${matrices} matrices have rows that are no multiple of ${blockSize}, so llama.cpp gives them ${types} instead.`,
  remarkSlower: (flag: string) => `Slower: start the runner with ${flag}.`,
  remarkMeasured: (run: string, windows: string, tokens: string, text: string) =>
    `The loss was measured by run ${run}, on ${windows} × ${tokens} tokens of “${text}”.`,
  rows: {
    legend: 'Plans, best first',
    plan: 'Plan',
    file: 'File',
    onTheCard: 'On the card',
    size: 'Size',
    loses: 'Loses',
    fits: 'Fits',
    narrower: 'A narrower model',
    slower: 'answers slower',
  },
};
