// The functions of native/build/Release/snug_llama.node, as native/llama/duties.h registers them. Arguments are checked
// by the duties before the call; the addon trusts them. Errors carry `code` (an ErrorCode) and `log` (llama.cpp's words).
import type { LlamaDevice, MemoryPart, StatisticsEntry, WindowComparison } from '../../contract/llama-host-api.ts';

/** Cancel flag ([0] !== 0 stops the call) and progress of a long call. */
export interface NativeControl {
  cancel: Int32Array;
  /** `open`: fraction of loading; `run`: units of the call. `text`: what was generated so far. */
  onProgress?: (phase: 'open' | 'run', done: number, total: number, text: string) => void;
}

/** llamaSettings with everything resolved; flashAttention is -1 auto, 0 off, 1 on. */
export interface NativeSettings {
  gpuLayers: number;
  cpuExpertLayers: number;
  threads: number;
  kvTypeK: string;
  kvTypeV: string;
  flashAttention: -1 | 0 | 1;
}

export interface NativeOpenOptions {
  base: string;
  ggml: string;
  llama: string;
  /** Folder of the CPU back ends. */
  backendFolder: string;
  /** Values of llama_version() whose struct layout native/llama/abi.h describes. */
  knownReleases: readonly string[];
}

export interface NativeMemoryRequest extends NativeSettings {
  header: string;
  context: number;
  microBatch: number;
}

export interface NativeQuantizeOptions {
  input: string;
  output: string;
  /** Number of a llama_ftype. */
  fileType: number;
  pure: boolean;
  dryRun: boolean;
  allowRequantize: boolean;
  threads: number;
  /** Mean squares [slices, columns] float32 per weight. */
  importance: { name: string; values: Float32Array }[];
}

export interface NativeDescription {
  description: string;
  vocabSize: number;
  contextLength: number;
  addsBos: boolean;
  bos: number;
  eos: number;
  hasDecoder: boolean;
  isRecurrent: boolean;
}

export interface LlamaAddon {
  open(options: NativeOpenOptions): { release: string; ggmlVersion: string };
  loadBackend(path: string): { loaded: boolean; log: string };
  devices(): LlamaDevice[];
  describe(options: { model: string }, control: NativeControl): Promise<NativeDescription>;
  tokenize(
    options: { model: string; texts: Uint8Array[]; addSpecial: boolean; parseSpecial: boolean },
    control: NativeControl,
  ): Promise<Int32Array[]>;
  vocabulary(
    options: { model: string },
    control: NativeControl,
  ): Promise<{ pieces: Uint8Array; offsets: Int32Array; ends: Int32Array }>;
  logProbs(
    options: NativeSettings & { model: string; tokens: Int32Array; positions: Int32Array },
    control: NativeControl,
  ): Promise<{ vocabSize: number; logProbs: Float32Array }>;
  compare(
    options: NativeSettings & { reference: string | null; candidate: string; windows: Int32Array[] },
    control: NativeControl,
  ): Promise<{ windows: WindowComparison[]; seconds: number; decodeSeconds: number; device: string }>;
  scoreContinuations(
    options: NativeSettings & { model: string; contexts: Int32Array[]; continuations: Int32Array[] },
    control: NativeControl,
  ): Promise<{ logLikelihoods: Float64Array; seconds: number; tokens: number }>;
  statistics(
    options: NativeSettings & { model: string; windows: Int32Array[] },
    control: NativeControl,
  ): Promise<{ entries: StatisticsEntry[]; values: Float32Array; tokens: number; seconds: number; device: string }>;
  /** `loadWeights` makes a real load, for the tests that hold the figures against it. */
  memory(
    options: { requests: NativeMemoryRequest[]; loadWeights: boolean },
    control: NativeControl,
  ): Promise<MemoryPart[][]>;
  quantize(options: NativeQuantizeOptions, control: NativeControl): Promise<{ succeeded: boolean; log: string }>;
  generate(
    options: NativeSettings & { model: string; prompt: string; tokens: number; temperature: number; seed: number },
    control: NativeControl,
  ): Promise<{
    text: Uint8Array;
    tokens: number;
    promptTokens: number;
    /** The model ended its text; false where the count did. */
    stopped: boolean;
    prefillSeconds: number;
    decodeSeconds: number;
    device: string;
  }>;
  /** null for a template that llama.cpp does not know. */
  chatTemplate(options: { template: string; question: string }, control: NativeControl): Promise<string | null>;
}
