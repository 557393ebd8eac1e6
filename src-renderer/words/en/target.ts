// What the model has to fit into.
export const target = {
  label: 'Target',
  fitInto: 'Fit into',
  aCard: 'a card',
  aFileSize: 'a file size',
  card: 'Card memory',
  cardFound: 'found here',
  context: 'Context',
  kvCache: 'KV cache',
  kvHint: 'What the model remembers of the text so far. Smaller types save memory and lose a little.',
  kvTypes: { f16: 'f16, exact', q8_0: 'q8_0, half', q4_0: 'q4_0, a quarter' },
  reserve: 'Reserve',
  reserveHint: 'left for the display',
  file: 'File size',
  fileHint: 'GB, 1000³ bytes',
  problems: {
    card: 'Write a size, such as 24 GB.',
    reserve: 'Write a size, such as 1 GiB.',
    reserveTakesAll: 'This leaves nothing.',
    file: 'Write a size, such as 8 GB.',
  },
};
