// What the llama host answers: llama.cpp's own libraries as the measuring engine. Logits never leave that process.
// Letters: V vocabulary, T tokens of a window, N all tokens. Token ids are Int32Array. Payloads over 1 MB go by file.
import { z } from 'zod';
import { defineApi } from './define-api.ts';
import { progress } from './progress.ts';
import { bytes } from './units.ts';

/** A typed array on whatever buffer it came. */
export const typedArray = <T extends object>(type: new (length: number) => T): z.ZodType<T> =>
  z.custom<T>((value) => value instanceof type, `a ${type.name}`);

/** A window of token ids; evaluation starts each with an empty cache. */
export const tokenWindow = typedArray<Int32Array>(Int32Array);

/** A continuation and the context that it is scored behind. */
export const taskItem = z.object({ context: tokenWindow, continuation: tokenWindow });

/** KV-cache types that llama.cpp offers. */
export const kvTypes = ['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl'] as const;
export const kvType = z.enum(kvTypes);
export type KvType = z.infer<typeof kvType>;

/** How a model is loaded and run. */
export const llamaSettings = z.object({
  /** Layers on the GPU; 0 = none, -1 = all. */
  gpuLayers: z.number().int().default(0),
  /** Experts of the first N layers stay in system memory (llama.cpp's --n-cpu-moe). */
  cpuExpertLayers: z.number().int().default(0),
  threads: z.number().int().positive().optional(),
  kvTypeK: kvType.default('f16'),
  kvTypeV: kvType.default('f16'),
  flashAttention: z.enum(['auto', 'off', 'on']).default('auto'),
});
export type LlamaSettings = z.infer<typeof llamaSettings>;

/** Settings under which llama.cpp's numbers are the most exact: F32 cache, no flash attention. */
export const exactSettings = { kvTypeK: 'f32', kvTypeV: 'f32', flashAttention: 'off' } as const;

export const llamaDevice = z.object({
  name: z.string(),
  description: z.string(),
  kind: z.enum(['cpu', 'gpu', 'igpu', 'accelerator']),
  totalBytes: bytes,
  freeBytes: bytes,
});
export type LlamaDevice = z.infer<typeof llamaDevice>;

export const memoryPart = z.object({
  /** ggml's name of the buffer type, for example CPU, CPU_REPACK, CUDA0. */
  bufferType: z.string(),
  /** The device that owns it: its name and kind. */
  device: z.string(),
  kind: z.enum(['cpu', 'gpu', 'igpu', 'accelerator']),
  modelBytes: bytes,
  contextBytes: bytes,
  computeBytes: bytes,
});
export type MemoryPart = z.infer<typeof memoryPart>;

/** Per token figures of one window: index i belongs to the prediction of token i + 1; T - 1 values. */
export const windowComparison = z.object({
  referenceNll: typedArray<Float32Array>(Float32Array).nullable(),
  candidateNll: typedArray<Float32Array>(Float32Array),
  /** KL(reference || candidate) in nats; null without a reference. */
  kld: typedArray<Float32Array>(Float32Array).nullable(),
  /** 1 where both pick the same most likely token. */
  sameTop: typedArray<Uint8Array>(Uint8Array).nullable(),
});
export type WindowComparison = z.infer<typeof windowComparison>;

export const statisticsEntry = z.object({
  /** Weight as named in the file, `token_embd.weight` for a tied head. */
  name: z.string(),
  columns: z.number().int(),
  /** Experts, or slices of a 3-D weight; 1 otherwise. */
  slices: z.number().int(),
  /** Float32 values in the file: sums of squares [slices, columns], then counts [slices]. Offset in float32 elements. */
  offset: z.number().int(),
});
export type StatisticsEntry = z.infer<typeof statisticsEntry>;

export const llamaHostApi = defineApi({
  methods: {
    /** Release, libraries and devices; proves the layout. Throws LLAMA_UNAVAILABLE otherwise. */
    identify: {
      params: z.object({}),
      result: z.object({
        release: z.string(),
        ggmlVersion: z.string(),
        folder: z.string(),
        devices: z.array(llamaDevice),
        /** Physical cores that may be used: what llama.cpp's threads run on. */
        cores: z.number().int(),
        /** GPU packages that are not installed or did not load, each with its reason. */
        missing: z.array(z.object({ backend: z.string(), reason: z.string() })),
      }),
    },
    /** Facts of a model file, by a vocabulary-only load. */
    describe: {
      params: z.object({ model: z.string() }),
      result: z.object({
        description: z.string(),
        vocabSize: z.number().int(),
        contextLength: z.number().int(),
        addsBos: z.boolean(),
        bos: z.number().int(),
        eos: z.number().int(),
        hasDecoder: z.boolean(),
        isRecurrent: z.boolean(),
      }),
    },
    /** Token ids of texts (UTF-8 bytes), by the file's own tokenizer. */
    tokenize: {
      params: z.object({
        model: z.string(),
        texts: z.array(typedArray<Uint8Array>(Uint8Array)),
        addSpecial: z.boolean(),
        parseSpecial: z.boolean(),
      }),
      result: z.object({ ids: z.array(typedArray<Int32Array>(Int32Array)) }),
    },
    /** What every token of a file's own tokenizer stands for, and which tokens end a text. Control tokens stand for nothing. */
    vocabulary: {
      params: z.object({ model: z.string() }),
      result: z.object({
        /** Bytes of all tokens, one after the other; a token may end inside a UTF-8 character. */
        pieces: typedArray<Uint8Array>(Uint8Array),
        /** [V + 1]: token i has pieces[offsets[i], offsets[i + 1]). */
        offsets: typedArray<Int32Array>(Int32Array),
        ends: typedArray<Int32Array>(Int32Array),
      }),
    },
    /** Log-probabilities [positions, V] float32 after each wanted position of one window. */
    logProbs: {
      params: z.object({
        model: z.string(),
        tokens: tokenWindow,
        positions: z.array(z.number().int()),
        settings: llamaSettings.prefault({}),
      }),
      result: z.object({ vocabSize: z.number().int(), logProbs: typedArray<Float32Array>(Float32Array) }),
    },
    /** NLL of a candidate on windows, and KLD and top-1 against a reference where one is given. */
    compare: {
      params: z.object({
        reference: z.string().nullable(),
        candidate: z.string(),
        windows: z.array(tokenWindow),
        settings: llamaSettings.prefault({}),
      }),
      result: z.object({
        windows: z.array(windowComparison),
        seconds: z.number(),
        device: z.string(),
        peakMemoryBytes: bytes,
      }),
      progress,
    },
    /** Sum of log-probabilities of each continuation after its context (multiple choice). */
    scoreContinuations: {
      params: z.object({
        model: z.string(),
        items: z.array(taskItem),
        settings: llamaSettings.prefault({}),
      }),
      result: z.object({
        logLikelihoods: typedArray<Float64Array>(Float64Array),
        seconds: z.number(),
        tokens: z.number().int(),
      }),
      progress,
    },
    /** Sums of squares per column of every weight's input, per expert, over windows; values go to `output` as raw float32. */
    statistics: {
      params: z.object({
        model: z.string(),
        windows: z.array(tokenWindow),
        output: z.string(),
        settings: llamaSettings.prefault({}),
      }),
      result: z.object({
        entries: z.array(statisticsEntry),
        tokens: z.number().int(),
        seconds: z.number(),
        device: z.string(),
        peakMemoryBytes: bytes,
      }),
      progress,
    },
    /** Memory per buffer type of files that need no weights: `header` is a GGUF whose data may be missing. */
    memory: {
      params: z.object({
        requests: z.array(
          z.object({
            header: z.string(),
            context: z.number().int(),
            microBatch: z.number().int().default(512),
            settings: llamaSettings.prefault({}),
          }),
        ),
      }),
      result: z.object({ results: z.array(z.array(memoryPart)) }),
      progress,
    },
    /** Types per tensor that llama.cpp gives for named mixes (or one type on all tensors with `pure`). */
    mixTypes: {
      params: z.object({
        model: z.string(),
        mixes: z.array(z.object({ name: z.string(), pure: z.boolean().default(false), importance: z.boolean() })),
      }),
      result: z.object({
        results: z.array(
          z.object({
            name: z.string(),
            types: z.record(z.string(), z.string()).nullable(),
            /** Why there are no types. */
            reason: z.string().nullable(),
            /** There would be types with importance. */
            needsImportance: z.boolean(),
          }),
        ),
      }),
    },
    /** Text that the model writes after a prompt; its progress has all of it so far. */
    generate: {
      params: z.object({
        model: z.string(),
        prompt: z.string(),
        tokens: z.number().int().positive(),
        /** 0: always the most likely token; above, tokens are drawn from softmax(logits / temperature) by `seed`. */
        temperature: z.number().min(0).optional(),
        seed: z.number().int().nonnegative().optional(),
        settings: llamaSettings.prefault({}),
      }),
      result: z.object({
        text: z.string(),
        tokens: z.number().int(),
        promptTokens: z.number().int(),
        /** `stop`: the model ended its text; `limit`: the count did. */
        endedBy: z.enum(['stop', 'limit']),
        prefillSeconds: z.number(),
        /** Of the tokens behind the first one, which the prompt's pass gives. */
        decodeSeconds: z.number(),
        device: z.string(),
        peakMemoryBytes: bytes,
      }),
      progress,
    },
    /**
     * A question in the turns of a chat template, open for the answer; null where llama.cpp does not know the template. It
     * reads no Jinja: it goes by marks that its list of templates has (llama.h, llama_chat_apply_template).
     */
    chatTemplate: {
      params: z.object({ template: z.string(), question: z.string() }),
      result: z.object({ prompt: z.string().nullable() }),
    },
  },
  events: {},
});
export type LlamaHostApi = typeof llamaHostApi;
