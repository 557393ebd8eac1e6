// Tasks of the worker that slice a model, or turn it without slicing.
import { z } from 'zod';
import { tokenWindow, typedArray } from '../llama-host-api.ts';
import { progress, siteProgress } from '../progress.ts';
import { precision, signals } from '../recipe.ts';
import { keptPart, takenUp, writtenTensors } from '../resuming.ts';
import { slicedSite, slicingConfig } from '../results.ts';
import { bytes } from '../units.ts';
import { graphProvider } from './device.ts';

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

export const slicingTasks = {
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
  /** Writes the header that sliceShared would write without `types`, on a file of the sliced file's size that takes no space: for
   * planning. Reads no weights but the last norm's. */
  sliceHeader: {
    params: z.object({ source: z.string(), output: z.string(), ...sliceForm }),
    result: z.object({ fileBytes: bytes, ...slicedSizes }),
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
};
