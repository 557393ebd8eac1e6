// Paths of models and of what is made from them, as text: the page has no file system and no `path` module.

/** A file inside a safetensors folder stands for the folder. */
export function modelOfFile(file: string): string {
  return /[\\/](config\.json|[^\\/]+\.safetensors)$/i.test(file) ? folderOf(file) : file;
}

export function nameOf(path: string): string {
  return path.split(/[\\/]/).findLast((part) => part !== '') ?? path;
}

function folderOf(path: string): string {
  return path.replace(/[\\/][^\\/]*[\\/]?$/, '');
}

/** Where a new file is suggested: beside the model, named for what it becomes; the type in the old name gives way. */
export function suggestOutput(model: string, type: string): string {
  const separator = model.includes('\\') ? '\\' : '/';
  const stem = nameOf(model)
    .replace(/\.gguf$/i, '')
    .replace(/[.-](?:F16|F32|BF16|I?Q\d\w*)$/i, '');
  return `${folderOf(model)}${separator}${stem}.${type}.gguf`;
}
