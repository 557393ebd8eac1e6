// What an output's name asks for, and which names a system cannot have.
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';

export type OutputForm = 'gguf' | 'onnx' | 'safetensors';

/** The form of a model that a name asks for; one without an ending (`model.v2` has none) is a folder of safetensors. null for names of other things, such as rows.csv. */
export function formOfName(output: string): OutputForm | null {
  const ending = endingOf(output);
  if (ending === '.gguf') return 'gguf';
  if (ending === '.onnx') return 'onnx';
  return ending === '.safetensors' || /^\.[a-z]{2,6}$/.test(ending) ? null : 'safetensors';
}

/** The same for a name that has to be a model's. @throws USAGE */
export function outputForm(output: string): OutputForm {
  const form = formOfName(output);
  if (form !== null) return form;
  const ending = endingOf(output);
  const message =
    ending === '.safetensors'
      ? `A model in safetensors form is a folder: name it without an ending, not ${output}.`
      : `${output} ends in ${ending}: a model is written as .gguf, as .onnx, or as a folder, which has no ending.`;
  throw new AppError('USAGE', message, { output });
}

const endingOf = (output: string): string => path.extname(output).toLowerCase();

/** Devices of Windows, with any ending too (learn.microsoft.com/windows/win32/fileio/naming-a-file). */
const windowsDevice = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?$/i;

/** Bytes of a name on Linux, UTF-16 units on Windows and macOS. */
const longestName = 255;
/** What is put behind a name while its file is made: `.candidate-1.4194304-99999999999-89abcdef01234567.part`, of a worker once more. */
const longestEnding = 98;

/** Why a file or folder of this name, without its folder, cannot be written on a system; null where it can. */
export function nameProblem(name: string, platform: NodeJS.Platform): string | null {
  if (name === '' || name === '.' || name === '..') return 'it is no name';
  const separator = /[/\0]/.exec(name);
  if (separator) return `it has ${printable(separator[0])} in it`;
  const length = platform === 'linux' ? Buffer.byteLength(name) : name.length;
  if (length > longestName - longestEnding) return `it is longer than ${longestName - longestEnding} characters`;
  return platform === 'win32' ? windowsProblem(name) : null;
}

function windowsProblem(name: string): string | null {
  const forbidden = /[\p{Cc}<>:"\\|?*]/u.exec(name);
  if (forbidden) return `Windows allows no ${printable(forbidden[0])} in names`;
  if (/[. ]$/.test(name)) return 'Windows drops a dot or a space at the end of a name';
  const device = windowsDevice.exec(name.replace(/ +(?=\.|$)/, ''));
  return device && `${device[1]} is a device on Windows`;
}

const printable = (character: string): string =>
  character < ' ' ? `character ${character.codePointAt(0)}` : JSON.stringify(character);

/** @throws USAGE for a name that this system cannot have */
export function checkName(output: string): void {
  const problem = nameProblem(path.basename(path.resolve(output)), process.platform);
  if (problem === null) return;
  throw new AppError('USAGE', `The output cannot be named ${JSON.stringify(output)}: ${problem}.`, { output });
}
