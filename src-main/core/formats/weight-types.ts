// Types that weights are written in where they are not quantised.

export type WeightType = 'F32' | 'F16' | 'BF16';

/** general.file_type of a GGUF by them; source: gguf-py/gguf/constants.py (LlamaFileType). */
export const floatFileTypes: Readonly<Record<WeightType, number>> = { F32: 0, F16: 1, BF16: 32 };
