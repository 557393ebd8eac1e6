// Loss and quality in plain words.
/** On what and by what something was measured; engine and kind in words. */
interface Measurement {
  windows: number;
  windowTokens: number;
  text: string;
  engine: string;
  kind: string;
}

export const quality = {
  /** From `nothing` to `too much`, as in `loses little`. */
  losses: {
    nothing: 'nothing',
    almostNothing: 'almost nothing',
    little: 'little',
    some: 'some',
    much: 'much',
    tooMuch: 'too much',
  },
  lossHint:
    'KL divergence from the original, in nats per token: how differently it predicts the next word. Predicted from published types and sizes until it is measured.',
  nextWord: (times: string, error: string) =>
    `Picks the same next word as the original ${times} times in 100 (± ${error})`,
  perplexity: (figure: string) => `Perplexity ${figure} on text it has not seen`,
  perplexityChange: (before: string, after: string) => `Perplexity ${before} → ${after} on text it has not seen`,
  loses: (loss: string) => `Loses ${loss} nats per token`,
  measuredOn: ({ windows, windowTokens, text, engine, kind }: Measurement) =>
    `Measured on ${windows} × ${windowTokens} tokens of “${text}” with ${engine}, ${kind}`,
  engines: { onnx: 'Snug’s own graphs', 'llama.cpp': 'llama.cpp' },
  kinds: { 'as-run': 'as it runs', 'weights-only': 'weights only' },
};
