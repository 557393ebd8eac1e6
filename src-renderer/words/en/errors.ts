// Errors, by their code: what happened, and what to do. Without advice: the engine's own message says it.
import type { ErrorCode } from '../../../src-main/contract/errors.ts';

const byCode: Record<ErrorCode, { title: string; advice: string | null }> = {
  USAGE: { title: 'This cannot be done as asked', advice: null },
  FILE_NOT_FOUND: {
    title: 'A file or folder cannot be opened',
    advice: 'Check that it is still there and that you may read it.',
  },
  FILE_MALFORMED: {
    title: 'This file is damaged, or not what it should be',
    advice: 'Get it again, or choose another one.',
  },
  UNSUPPORTED_ARCHITECTURE: { title: 'Snug cannot work on this model yet', advice: 'Open another model.' },
  UNSUPPORTED_TYPE: {
    title: 'This model has tensors of a type that Snug cannot read',
    advice: 'Open another version of it, for example F16 or Q8_0.',
  },
  NON_FINITE: {
    title: 'The model holds numbers that are not finite',
    advice: 'Its file is probably damaged: download it again.',
  },
  NUMERICAL_FAILURE: {
    title: 'A calculation did not come out right',
    advice: 'Nothing was written. Try more or other calibration text; the details below say where it happened.',
  },
  TEXT_TOO_SHORT: { title: 'The text is too short', advice: 'Choose a longer text.' },
  TEXT_REUSED: {
    title: 'The text was used for calibration already',
    advice: 'Measure on another text: one that was seen proves nothing.',
  },
  NOT_WRITABLE: { title: 'Snug cannot write there', advice: 'Choose another folder.' },
  INPUTS_CHANGED: {
    title: 'What this run works on has changed',
    advice: 'Start it anew: what still holds of its calibration is used again.',
  },
  OUTPUT_EXISTS: { title: 'There is a file of this name already', advice: 'Choose another name.' },
  DISK_FULL: {
    title: 'The disk is full',
    advice: 'Make room or choose another disk. Nothing half-written stays behind.',
  },
  OUT_OF_MEMORY: { title: 'There is not enough memory', advice: 'Close other programs, or choose a smaller plan.' },
  IMPORTANCE_MISSING: { title: 'This type needs importance', advice: 'Calibrate first, or choose another plan.' },
  IMPORTANCE_MISMATCH: {
    title: 'The importance file belongs to another model',
    advice: 'Choose the file that was made from this model.',
  },
  DEVICE_UNAVAILABLE: { title: 'This device is not there', advice: 'Choose another device.' },
  HUB_NOT_FOUND: {
    title: 'The hub does not have this',
    advice: 'Check the address. A private model needs a token: set it under Settings.',
  },
  HUB_GATED: {
    title: 'The hub does not give this to you',
    advice: 'Ask for access on the model’s page, and set a token of that account under Settings.',
  },
  HUB_OFFLINE: {
    title: 'Not without the network',
    advice: 'Allow the network in the settings, or start without HF_HUB_OFFLINE. Then it is asked for once.',
  },
  HUB_UNAVAILABLE: {
    title: 'The hub does not answer as it should',
    advice: 'Check that this machine is online, and the address of the hub under Settings.',
  },
  CHECKSUM_MISMATCH: {
    title: 'What was downloaded is not what the hub promised',
    advice: 'Try again, or another network. Nothing of it is used.',
  },
  RUNNER_NOT_FOUND: { title: 'This program was not found', advice: 'Install it, or start it once, then try again.' },
  RUNNER_FAILED: {
    title: 'The other program did not do it',
    advice: 'Nothing was placed. The details below say what it wrote.',
  },
  LINK_IMPOSSIBLE: {
    title: 'A second copy would be needed',
    advice: 'Allow a copy, or choose a folder on the same disk.',
  },
  LLAMA_UNAVAILABLE: { title: 'llama.cpp is missing', advice: 'Install Snug again.' },
  LLAMA_FAILED: { title: 'llama.cpp cannot work on this file', advice: 'Open another version of the model.' },
  LLAMA_CRASHED: {
    title: 'llama.cpp stopped while it worked on this file',
    advice: 'Your files are as they were. Try a smaller plan, or another version of the model.',
  },
  HISTORY_DAMAGED: {
    title: 'The history is damaged',
    advice:
      'Quit Snug and start it again: the history is made again from what can still be read and from the records beside your files. The damaged file is kept.',
  },
  PROOF_FAILED: {
    title: 'The new file did not pass its proof',
    advice: 'It was kept under another name, for you to look at. Do not rely on it.',
  },
  NATIVE_UNAVAILABLE: { title: 'A part of Snug is missing', advice: 'Install Snug again.' },
  WORKER_CRASHED: { title: 'A part of Snug stopped unexpectedly', advice: 'Your files are as they were. Try again.' },
  CANCELLED: { title: 'Cancelled', advice: null },
  INTERNAL: {
    title: 'Something went wrong inside Snug',
    advice: 'Your files are as they were. The details below help us to mend it.',
  },
};

/** Of FILE_NOT_FOUND, by what its details say is missing. */
const missing = {
  'output folder': {
    title: 'The folder to write in is missing',
    advice: 'Or choose another place for what is made.',
  },
  model: { title: 'This is no model', advice: 'Open another file or folder.' },
};

export const errors = { details: 'Details', byCode, missing };
