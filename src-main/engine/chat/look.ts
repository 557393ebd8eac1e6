// What a side would take, told by llama.cpp before a weight is read, and how much it can write behind the prompt.
import { AppError } from '../../contract/errors.ts';
import type { LlamaDevice } from '../../contract/llama-host-api.ts';
import { preflight } from '../preflight.ts';
import type { Answering } from './answering.ts';
import type { ChatParts } from './chat-parts.ts';
import { seatOf, type Seat } from './seats.ts';
import { recipeFor } from './write.ts';

/** A side before it runs: the ways to run it, the best first. */
export interface Looked {
  ways: Seat[];
  tokens: number;
  /** llama.cpp's; null where our graphs write. */
  machine: { devices: LlamaDevice[]; cores: number } | null;
}

export interface Question {
  prompt: string;
  tokens: number;
  sampling: { temperature: number; seed: number };
  signal: AbortSignal;
}

/** Tokens of a piece: with as many, a context has the buffers that it is run with (native/llama/session.h). */
const microBatch = 128;
/** Of a model's bytes on our graphs where nothing better is known: F16 weights become float32. */
const graphShare = 2.5;

export function look(parts: ChatParts, model: Answering, question: Question): Promise<Looked> {
  return model.engine === 'llama.cpp' ? lookByLlama(parts, model.file, question) : lookByGraphs(parts, model, question);
}

async function lookByLlama({ children }: ChatParts, model: string, question: Question): Promise<Looked> {
  const { signal } = question;
  return children.llama(signal, async (client) => {
    const { devices, cores } = await client.identify({}, { signal });
    const { contextLength } = await client.describe({ model }, { signal });
    const texts = [new TextEncoder().encode(question.prompt)];
    const { ids } = await client.tokenize({ model, texts, addSpecial: true, parseSpecial: true }, { signal });
    const prompt = ids[0]!.length;
    const tokens = roomBehind(model, { prompt, wanted: question.tokens, contextLength });
    const layers = devices.some(({ kind }) => kind === 'gpu') ? ([-1, 0] as const) : ([0] as const);
    const requests = layers.map((gpuLayers) => ({
      ...{ header: model, context: prompt + tokens, microBatch },
      settings: { gpuLayers },
    }));
    const { results } = await client.memory({ requests }, { signal });
    return {
      ways: results.map((memory, index) => seatOf(memory, layers[index]!)),
      tokens,
      machine: { devices, cores },
    };
  });
}

/** @throws USAGE where the prompt fills what the model sees */
function roomBehind(
  model: string,
  { prompt, wanted, contextLength }: { prompt: number; wanted: number; contextLength: number },
): number {
  if (contextLength === 0 || prompt + wanted <= contextLength) return wanted;
  if (prompt < contextLength) return contextLength - prompt;
  const message = `The question has ${prompt} tokens, and ${model} sees ${contextLength} at most: ask something shorter.`;
  throw new AppError('USAGE', message, { model, prompt, contextLength });
}

async function lookByGraphs(
  parts: ChatParts,
  model: Extract<Answering, { engine: 'onnx' }>,
  { prompt, tokens, sampling, signal }: Question,
): Promise<Looked> {
  const recipe = recipeFor({ model, prompt, tokens, sampling });
  const flight = await preflight(parts, recipe, { signal, mayMeasure: false });
  const ramBytes = flight.preflight.peakMemoryBytes ?? Math.round(model.bytes * graphShare);
  return { ways: [{ gpuLayers: 0, gpuBytes: 0, ramBytes }], tokens, machine: null };
}
