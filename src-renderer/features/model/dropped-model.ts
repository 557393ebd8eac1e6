// Which model a drop on the window means. What is none costs nobody the model that is open.

export interface Dropped {
  /** Empty for what comes from no file, such as text and pictures of other programs. */
  path: string;
  isFolder: boolean;
}

export type Drop = { path: string } | { refused: 'several' | 'kind' } | null;

const modelFile = /\.(gguf|safetensors|onnx)$|(^|[\\/])config\.json$/i;

/** null where no file was dropped. */
export function droppedModel(dropped: readonly Dropped[]): Drop {
  const [first, ...others] = dropped.filter(({ path }) => path !== '');
  if (first === undefined) return null;
  if (others.length > 0) return { refused: 'several' };
  return first.isFolder || modelFile.test(first.path) ? { path: first.path } : { refused: 'kind' };
}
