// What the worker does: tensor arithmetic on files, through the native addon. One task per method.
import { z } from 'zod';
import { defineApi } from './define-api.ts';
import { statisticsEntry, taskItem, tokenWindow, typedArray, windowComparison } from './llama-host-api.ts';
import { machineRates } from './preflight.ts';
import { mergeProgress, progress } from './progress.ts';
import { precision, sampling, signals } from './recipe.ts';
import { keptPart, takenUp, writtenTensors } from './resuming.ts';
import { slicedSite, slicingConfig } from './results.ts';
import { bytes } from './units.ts';

/** Execution providers that Snug's graphs may run on, by onnxruntime's names. Every graph is proved on `cpu`. */
export const graphProvider = z.enum(['cpu', 'cuda', 'webgpu']);
export type GraphProvider = z.infer<typeof graphProvider>;

/** Providers that have to show what they can do before a job runs on them. */
export const probedProvider = graphProvider.exclude(['cpu']);
export type ProbedProvider = z.infer<typeof probedProvider>;

/** What a provider showed on this machine. */
export const providerProbe = z.object({
  /** auto: it may be chosen; named: only where it is named; absent: it is not there; faulty: it is, and does not work. */
  state: z.enum(['auto', 'named', 'absent', 'faulty']),
  /** Whose driver answers, where that can be learnt; null otherwise. */
  adapter: z.string().nullable(),
  /** Why it is not chosen by itself; null where it may be. */
  reason: z.string().nullable(),
  /** The largest difference from the processor's results, as a share of an output's largest value; null: not compared. */
  deviation: z.number().nullable(),
  /** How many times as fast as the processor it ran a block of 1,024 tokens; null: not timed. */
  speedup: z.number().nullable(),
  /** Weights in F16 can be read there. */
  hasFloat16: z.boolean(),
});
export type ProviderProbe = z.infer<typeof providerProbe>;

export const ggmlTypeRow = z.object({
  id: z.number().int(),
  name: z.string(),
  blockSize: z.number().int(),
  typeSize: z.number().int(),
  canQuantize: z.boolean(),
  canDequantize: z.boolean(),
  requiresImportance: z.boolean(),
});

/** What a shared slice shall be. */
const sliceForm = {
  width: z.number().int().positive(),
  orientation: z.enum(['pca', 'random', 'hadamard']).default('pca'),
  seed: z.number().int().nonnegative().default(0),
  /** Of matrices; vectors are F32. */
  type: z.enum(['F32', 'F16', 'BF16']),
};

/** How wide every site of a per-block slice becomes. */
const cuts = {
  /** Mean share of the hidden size that goes. */
  sparsity: z.number().min(0).lt(1),
  /** Widths are multiples of it. */
  round: z.number().int().positive().default(8),
  /** The output layer is cut too. */
  sliceHead: z.boolean().default(false),
};
export const widthSchedule = z.discriminatedUnion('scheduler', [
  z.object({ scheduler: z.literal('constant'), ...cuts }),
  /** Every site keeps the same share of its energy. */
  z.object({ scheduler: z.literal('variance'), ...cuts }),
  z.object({ scheduler: z.literal('explicit'), widths: slicingConfig }),
]);
export type WidthSchedule = z.infer<typeof widthSchedule>;

const slicedSizes = {
  width: z.number().int(),
  sparsity: z.number(),
  parametersBefore: z.number().int(),
  parametersAfter: z.number().int(),
  /** Of `parametersAfter`: what the output layer costs because its tie did not survive. */
  untiedParameters: z.number().int(),
};

const perBlockSizes = {
  parametersBefore: z.number().int(),
  /** Shortcuts counted, and the output layer, which is never tied. */
  parametersAfter: z.number().int(),
  /** Of `parametersAfter`: what the output layer costs because its tie did not survive. */
  untiedParameters: z.number().int(),
  /** Of `parametersAfter`. */
  shortcutParameters: z.number().int(),
};

const comparison = z.object({
  windows: z.array(windowComparison),
  /** Of all windows. */
  tokens: z.number().int(),
  seconds: z.number(),
  /** Of them, for the blocks of the reference. */
  referenceSeconds: z.number(),
  peakMemoryBytes: bytes,
});

/** Of tasks that tell of sites. */
const siteProgress = { progress, mergeProgress };

const generateProgress = progress.extend({ ids: tokenWindow });
type GenerateProgress = z.infer<typeof generateProgress>;

/** What decides the result of a calibration. */
const calibrationParams = {
  source: z.string(),
  /** All of one length. */
  windows: z.array(tokenWindow).min(1),
  /** onnxruntime's execution provider. */
  provider: graphProvider.default('cpu'),
  threads: z.number().int().positive(),
  /** Eigenvalues of every norm input's Gram are wanted too. */
  spectra: z.boolean().default(false),
};

export const workerApi = defineApi({
  methods: {
    identify: {
      params: z.object({}),
      result: z.object({ ggmlVersion: z.string(), types: z.array(ggmlTypeRow), onnxProviders: z.array(z.string()) }),
    },
    /** Tries a provider on tiny graphs against the processor. May end or hang this process, as a driver may. @throws nothing */
    probeProvider: {
      params: z.object({
        provider: probedProvider,
        threads: z.number().int().positive(),
        /** Compare results also where it is known to be no GPU. */
        thorough: z.boolean(),
      }),
      result: providerProbe,
    },
    /** Writes `output` from `source` with the given type per tensor (others are copied byte for byte). */
    quantize: {
      params: z.object({
        source: z.string(),
        output: z.string(),
        types: z.record(z.string(), z.string()),
        /** llama.cpp's file-type number for general.file_type; null keeps the source's. */
        fileType: z.number().int().nullable(),
        importance: z.string().nullable(),
        kept: keptPart.optional(),
        threads: z.number().int().positive(),
      }),
      result: z.object({
        ...writtenTensors,
        /** Experts (tensor slices) that no calibration token reached; they were quantised without importance. */
        unseenExperts: z.number().int(),
        /** Tensors of the source with 5 bits or less per weight that were quantised again. */
        requantized: z.number().int(),
        seconds: z.number(),
        peakMemoryBytes: bytes,
      }),
      progress,
    },
    /** Writes llama.cpp's imatrix GGUF from the raw sums of the llama host. */
    writeImportance: {
      params: z.object({
        raw: z.string(),
        entries: z.array(statisticsEntry),
        output: z.string(),
        datasets: z.array(z.string()),
        chunks: z.number().int(),
        chunkSize: z.number().int(),
      }),
      result: z.object({ fileBytes: bytes, weights: z.number().int(), unseenExperts: z.number().int() }),
    },
    /** Writes a Hugging Face folder as a GGUF with the weights it has, or its header on a file of full size. */
    convert: {
      params: z.object({ folder: z.string(), output: z.string(), headerOnly: z.boolean().optional() }),
      result: z.object({ fileBytes: bytes, hasTokenizer: z.boolean(), peakMemoryBytes: bytes }),
      progress,
    },
    /** Reads every tensor of a model once; throws NON_FINITE with the tensor, or FILE_MALFORMED. */
    checkWeights: {
      params: z.object({ source: z.string(), threads: z.number().int().positive() }),
      result: z.object({ tensors: z.number().int(), bytes }),
      progress,
    },
    /** The name of a calibration: SHA-256 over all that decides its result. Reads the whole model. */
    calibrationFingerprint: {
      params: z.object(calibrationParams),
      result: z.object({ fingerprint: z.string(), bytes, seconds: z.number() }),
      progress,
    },
    /**
     * Runs the model's own block graphs over token windows and fills `folder`, which exists: gram.gguf, the summed Gram of
     * the normed residual over all norm inputs, and importance.gguf, an imatrix of every linear's input columns. Where an
     * earlier call of the same fingerprint was stopped, it goes on at the last layer that was finished.
     */
    blockStatistics: {
      params: z.object({
        ...calibrationParams,
        folder: z.string(),
        fingerprint: z.string(),
        /** Names of the texts, for the files' headers. */
        datasets: z.array(z.string()),
      }),
      result: z.object({
        tokens: z.number().int(),
        sites: z.number().int(),
        ...takenUp,
        seconds: z.number(),
        peakMemoryBytes: bytes,
      }),
      ...siteProgress,
    },
    /** Writes `output`, a GGUF of `source` sliced to `width` by the one rotation that `gram` gives. */
    sliceShared: {
      params: z.object({
        source: z.string(),
        gram: z.string(),
        output: z.string(),
        ...sliceForm,
        /** Tensor name -> ggml type, of those that shall not be as `type` says. */
        types: z.record(z.string(), z.string()).nullable().default(null),
        /** llama.cpp's file-type number for general.file_type; null: that of `type`. */
        fileType: z.number().int().nullable().default(null),
        /** An imatrix GGUF of `source`, for the inputs that do not turn; those that do have theirs from `gram`. null: none
         * is used for any tensor. */
        importance: z.string().nullable().default(null),
        /** Of the eigenproblem; `gram` is float64, summed of float32 runs, so that fp32-sum64 is fp64 here. */
        precision: precision.default('fp64'),
        kept: keptPart.optional(),
        threads: z.number().int().positive(),
      }),
      result: z.object({
        ...writtenTensors,
        precision,
        /** general.architecture of the file. */
        architecture: z.string(),
        ...slicedSizes,
        /** Tensors by their type. */
        tensorTypes: z.record(z.string(), z.number().int()),
        /** Share of the signal's energy in the directions that were dropped. */
        energyLost: z.number(),
        /** Largest |QᵀQ - I|. */
        orthogonality: z.number(),
        /** Orders of the Hadamard and of the random part of the orientation; 1 for none. */
        hadamardOrder: z.number().int(),
        randomOrder: z.number().int(),
        /** The library that computed, as it calls itself. */
        linearAlgebra: z.string(),
        seconds: z.number(),
        peakMemoryBytes: bytes,
      }),
      ...siteProgress,
    },
    /** Writes `output`, a folder of `source` sliced block by block on these windows (SliceGPT as published). */
    slicePerBlock: {
      params: z.object({
        source: z.string(),
        /** All of one length. */
        windows: z.array(tokenWindow).min(1),
        schedule: widthSchedule,
        output: z.string(),
        /** Of matrices; vectors are F32. */
        type: sliceForm.type,
        orientation: sliceForm.orientation,
        seed: sliceForm.seed,
        /** `raw`: the residual as it is; `normed`: every token counts the same. */
        signals: signals.default('raw'),
        /** As the released code: embeddings centred on RMSNorm models too, eps 1e-5. */
        paperCompat: z.boolean().default(false),
        /** Of every site's Gram and eigenproblem. Weights turn in float64; so are spectra of the variance scheduler. */
        precision: precision.default('fp64'),
        /** Answer the eigenvalues of every site. */
        eigenvalues: z.boolean().default(false),
        /** Replace files that are there already. */
        force: z.boolean().default(false),
        /** Whose tokenizer files go along, null for the GGUF's own. */
        tokenizerFrom: z.string().nullable(),
        /** A folder for the residual and for what is finished: where an earlier call with the same inputs was stopped, it goes on
         * there. It need not be there and stays. */
        checkpoints: z.string(),
        threads: z.number().int().positive(),
        provider: graphProvider.default('cpu'),
      }),
      result: z.object({
        fileBytes: bytes,
        sha256: z.string(),
        hasTokenizer: z.boolean(),
        /** Of the slicing itself, not of the variance scheduler's own pass. */
        ...takenUp,
        /** Whether the disk had room for what another call could go on with. */
        isKept: z.boolean(),
        precision,
        widths: slicingConfig,
        /** Mean over the sites that are cut. */
        sparsity: z.number(),
        /** Of the variance scheduler: the share of its energy that every site keeps at least. */
        retained: z.number().nullable(),
        sites: z.array(slicedSite),
        /** By site, where they were asked for: [D] descending, with `damping` added to each. */
        eigenvalues: z.array(z.object({ values: z.array(z.number()), damping: z.number() })).nullable(),
        ...perBlockSizes,
        /** The library that computed, as it calls itself. */
        linearAlgebra: z.string(),
        seconds: z.number(),
        peakMemoryBytes: bytes,
      }),
      ...siteProgress,
    },
    /** Eigenvalues of every site's undamped Gram in the dense model, for the variance scheduler. Nothing is written. */
    siteSpectra: {
      params: z.object({
        source: z.string(),
        /** All of one length. */
        windows: z.array(tokenWindow).min(1),
        signals: signals.default('raw'),
        /** As slicePerBlock's. */
        paperCompat: z.boolean().default(false),
        /** A folder for the residual; it need not be there and stays. */
        scratch: z.string(),
        threads: z.number().int().positive(),
        provider: graphProvider.default('cpu'),
      }),
      result: z.object({
        /** Per site, in order: [D] descending. */
        spectra: z.array(typedArray<Float64Array>(Float64Array)),
        seconds: z.number(),
        peakMemoryBytes: bytes,
      }),
      ...siteProgress,
    },
    /** Cuts a folder that slicePerBlock wrote to narrower widths: what it keeps are leading rows and columns. */
    narrowSliced: {
      params: z.object({
        source: z.string(),
        widths: slicingConfig,
        output: z.string(),
        /** Of matrices; vectors are F32. */
        type: sliceForm.type,
        force: z.boolean().default(false),
        /** Folder or GGUF whose tokenizer and generation settings go along; null for none. */
        tokenizerFrom: z.string().nullable(),
      }),
      result: z.object({
        fileBytes: bytes,
        sha256: z.string(),
        hasTokenizer: z.boolean(),
        ...perBlockSizes,
        peakMemoryBytes: bytes,
      }),
      progress,
    },
    /** Writes the header that sliceShared would write without `types`, on a file of the sliced file's size that takes no space: for
     * planning. Reads no weights but the last norm's. */
    sliceHeader: {
      params: z.object({ source: z.string(), output: z.string(), ...sliceForm }),
      result: z.object({ fileBytes: bytes, ...slicedSizes }),
    },
    /** Writes a model of a family with graphs as an ONNX file, one sliced block by block too, or as a Hugging Face folder with safetensors. */
    exportModel: {
      params: z.object({
        source: z.string(),
        output: z.string(),
        form: z.enum(['onnx', 'safetensors']),
        /** Of matrices; vectors are F32. ONNX takes F32 and F16. */
        type: z.enum(['F32', 'F16', 'BF16']),
        /** Replace files that are there already. */
        force: z.boolean(),
        /** A folder's: whose tokenizer files go along, null for the GGUF's own. */
        tokenizerFrom: z.string().nullable(),
        /** How the model was sliced, which the output says; a folder that was sliced block by block says so itself. */
        slicing: slicingConfig.nullable(),
      }),
      result: z.object({
        fileBytes: bytes,
        sha256: z.string(),
        /** Of a folder. */
        hasTokenizer: z.boolean(),
        peakMemoryBytes: bytes,
      }),
      progress,
    },
    /** Rotates without slicing, by the Gram of these windows: logits and perplexity have to stay. Nothing is written. */
    invariance: {
      params: z.object({
        source: z.string(),
        /** All of one length. */
        windows: z.array(tokenWindow).min(1),
        threads: z.number().int().positive(),
        provider: graphProvider.default('cpu'),
      }),
      result: z.object({
        tokens: z.number().int(),
        /** Over the logits of the last position of every window. */
        largestLogit: z.number(),
        largestLogitChange: z.number(),
        /** The largest change of a logit that passes. */
        tolerance: z.number(),
        perplexityBefore: z.number(),
        perplexityAfter: z.number(),
        /** Of one token, in nats. */
        largestNllChange: z.number(),
        passed: z.boolean(),
        /** Largest |QᵀQ - I|. */
        orthogonality: z.number(),
        seconds: z.number(),
        peakMemoryBytes: bytes,
      }),
      progress,
    },
    /** Runs two models, or the candidate alone, on their own block graphs over the same windows. */
    compareBlocks: {
      params: z.object({
        reference: z.string().nullable(),
        candidate: z.string(),
        windows: z.array(tokenWindow).min(1),
        /** A folder for hidden states that are too large for memory. */
        scratch: z.string(),
        /** A file for the hidden states of a dense reference over these windows: used where it is there, else made. */
        keptReference: z.string().nullable().optional(),
        threads: z.number().int().positive(),
        provider: graphProvider.default('cpu'),
      }),
      result: comparison,
      progress,
    },
    /** The same where at least one model is an ONNX file, which runs itself, on the processor. */
    compareLogits: {
      params: z.object({
        reference: z.string().nullable(),
        candidate: z.string(),
        windows: z.array(tokenWindow).min(1),
        /** A folder for hidden states that are too large for memory. */
        scratch: z.string(),
        threads: z.number().int().positive(),
        provider: graphProvider.default('cpu'),
      }),
      result: comparison,
      progress,
    },
    /** Log-probabilities [positions, V] after wanted positions of one window, by the model's own block graphs. */
    blockLogProbs: {
      params: z.object({
        model: z.string(),
        tokens: tokenWindow,
        positions: z.array(z.number().int().nonnegative()).min(1),
        threads: z.number().int().positive(),
        provider: graphProvider.default('cpu'),
      }),
      result: z.object({ logProbs: typedArray<Float32Array>(Float32Array) }),
    },
    /** Sums of log-probabilities of continuations after their contexts, by the model's own block graphs. */
    scoreBlocks: {
      params: z.object({
        model: z.string(),
        items: z.array(taskItem).min(1),
        /** A folder for hidden states that are too large for memory. */
        scratch: z.string(),
        threads: z.number().int().positive(),
        provider: graphProvider.default('cpu'),
      }),
      result: z.object({
        logLikelihoods: typedArray<Float64Array>(Float64Array),
        /** Rows that went through the blocks. */
        tokens: z.number().int(),
        seconds: z.number(),
        peakMemoryBytes: bytes,
      }),
      progress,
    },
    /** Writes on from a prompt with an ONNX model that Snug wrote and its cache. Progress carries the tokens that no earlier one had. */
    generate: {
      params: z.object({
        /** FILE.onnx. */
        model: z.string(),
        /** At least one token. */
        prompt: tokenWindow,
        maxTokens: z.number().int().positive(),
        /** Tokens that end the text; none of them is part of it. */
        stopIds: z.array(z.number().int().nonnegative()),
        ...sampling,
        threads: z.number().int().positive(),
        provider: graphProvider.default('cpu'),
      }),
      result: z.object({
        ids: tokenWindow,
        endedBy: z.enum(['stop', 'limit']),
        /** Of the prompt, whose last run gives the first token; and of the tokens behind that one. */
        prefillSeconds: z.number(),
        decodeSeconds: z.number(),
        peakMemoryBytes: bytes,
      }),
      progress: generateProgress,
      mergeProgress: (waiting: GenerateProgress, next: GenerateProgress): GenerateProgress => ({
        ...next,
        ids: Int32Array.of(...waiting.ids, ...next.ids),
      }),
    },
    /** Times an ONNX model that Snug wrote, with its cache, on random tokens. */
    timeModel: {
      params: z.object({
        /** FILE.onnx. */
        model: z.string(),
        /** Texts side by side. */
        batch: z.number().int().positive(),
        /** Tokens of a text that are read at once, then written one by one. */
        promptTokens: z.number().int().positive(),
        decodeTokens: z.number().int().positive(),
        /** Of the tokens. */
        seed: z.number().int().nonnegative(),
        threads: z.number().int().positive(),
        provider: graphProvider.default('cpu'),
      }),
      result: z.object({
        /** Medians of three rounds behind one that does not count; of all texts and tokens together. */
        prefillSeconds: z.number(),
        decodeSeconds: z.number(),
        /** How far a round was from the median at most, as a share of it. */
        spread: z.number(),
        peakMemoryBytes: bytes,
      }),
      progress,
    },
    /** How fast this machine is: about a second of products, quantising, and writing into `folder`. */
    measureMachine: {
      params: z.object({ folder: z.string(), threads: z.number().int().positive() }),
      /** seconds: without the start of the process. */
      result: z.object({ rates: machineRates, seconds: z.number() }),
    },
  },
  events: {},
});
export type WorkerApi = typeof workerApi;
