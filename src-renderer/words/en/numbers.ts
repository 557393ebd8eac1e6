// Numbers and units.
export const numbers = {
  locale: 'en-US',
  decimalMark: '.',
  million: (count: string) => `${count} million`,
  billion: (count: string) => `${count} billion`,
  tokens: (count: string) => `${count} tokens`,
  tokensPerSecond: (count: string) => `${count} tokens/s`,
  percent: (figure: string) => `${figure}%`,
  of: (done: string, total: string) => `${done} of ${total}`,
  ofTokens: (done: string, total: string) => `${done} of ${total} tokens`,
  filesAndMemory: 'Files are counted in GB (1000³), memory in GiB (1024³).',
};
