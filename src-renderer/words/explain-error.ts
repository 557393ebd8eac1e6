// The one funnel from an error to what the user reads: what happened, what to do, and the details to fold away.
import type { ErrorCode, ErrorShape } from '../../src-main/contract/errors.ts';

export interface Explanation {
  title: string;
  /** What, where, expected and found: the message of the process that noticed it. */
  message: string;
  advice: string | null;
  /** For a problem report. */
  details: string;
}

const words: Record<ErrorCode, [title: string, advice: string | null]> = {
  USAGE: ['That does not work together', null],
  FILE_NOT_FOUND: [
    'The file cannot be opened',
    'Check that it is still there and that you may read it, then open it again.',
  ],
  FILE_MALFORMED: ['This file is damaged, or not a model', 'Download it again, or open another model.'],
  UNSUPPORTED_ARCHITECTURE: ['Snug cannot work on this model yet', 'Open another model.'],
  UNSUPPORTED_TYPE: [
    'This model has tensors of a type that Snug cannot read',
    'Open another version of it, for example F16 or Q8_0.',
  ],
  NON_FINITE: ['The model holds numbers that are not finite', 'Its file is probably damaged: download it again.'],
  NUMERICAL_FAILURE: [
    'A calculation did not come out right',
    'Nothing was written. Try more or other calibration text; the details below say where it happened.',
  ],
  TEXT_TOO_SHORT: ['The text is too short', 'Choose a longer text.'],
  TEXT_REUSED: [
    'The text was used for calibration already',
    'Measure on another text: one that was seen proves nothing.',
  ],
  NOT_WRITABLE: ['This folder cannot be written to', 'Choose another folder.'],
  INPUTS_CHANGED: [
    'What this run works on has changed',
    'Start it anew: what still holds of its calibration is used again.',
  ],
  OUTPUT_EXISTS: ['There is a file of this name already', 'Choose another name.'],
  DISK_FULL: ['The disk is full', 'Make room or choose another disk. Nothing half-written stays behind.'],
  OUT_OF_MEMORY: ['There is not enough memory', 'Close other programs, or choose a smaller plan.'],
  IMPORTANCE_MISSING: ['This type needs importance', 'Calibrate first, or choose another plan.'],
  IMPORTANCE_MISMATCH: [
    'The importance file belongs to another model',
    'Choose the file that was made from this model.',
  ],
  DEVICE_UNAVAILABLE: ['This device is not there', 'Choose another device.'],
  HUB_NOT_FOUND: [
    'This model is not on the hub',
    'Check the address. A private model needs a token in the variable HF_TOKEN.',
  ],
  HUB_GATED: [
    'The hub does not give this model to you',
    "Ask for access on the model's page, and put a token of that account in HF_TOKEN.",
  ],
  HUB_OFFLINE: ['This model is not on this machine', 'Allow the network, and download it once.'],
  HUB_UNAVAILABLE: ['The hub does not answer', 'Try again later. What is downloaded already is kept.'],
  CHECKSUM_MISMATCH: [
    'What was downloaded is not what the hub promised',
    'Try again, or another network. Nothing of it is used.',
  ],
  LLAMA_UNAVAILABLE: ['llama.cpp is missing', 'Install Snug again.'],
  LLAMA_FAILED: ['llama.cpp cannot work on this file', 'Open another version of the model.'],
  LLAMA_CRASHED: [
    'llama.cpp stopped while it worked on this file',
    'Your files are as they were. Try a smaller plan, or another version of the model.',
  ],
  PROOF_FAILED: [
    'The new file did not pass its proof',
    'It was kept under another name, for you to look at. Do not rely on it.',
  ],
  NATIVE_UNAVAILABLE: ['A part of Snug is missing', 'Install Snug again.'],
  WORKER_CRASHED: ['A part of Snug stopped unexpectedly', 'Your files are as they were. Try again.'],
  CANCELLED: ['Cancelled', null],
  INTERNAL: ['Something went wrong inside Snug', 'Your files are as they were. The details below help us to mend it.'],
};

export function explain(error: ErrorShape): Explanation {
  const [title, advice] = words[error.code];
  return { title, message: error.message, advice, details: detailsOf(error) };
}

function detailsOf({ code, details }: ErrorShape): string {
  const lines = Object.entries(details)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [`code: ${code}`, ...lines].join('\n');
}
