// Our declarations of llama.cpp's structs against the real headers of the release in node_modules, and the numbers of
// its file types. A new release starts here.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileTypes } from '../../src-main/llama-host/native/file-types.ts';
import { ggufPackageBundle, root } from '../support/paths.ts';
import { checkOutBundle } from './bundle.ts';
import { temporaryFolder } from './host.ts';

const structs = {
  Tensor: 'ggml_tensor',
  BufferTypeOverride: 'llama_model_tensor_buft_override',
  ModelParams: 'llama_model_params',
  ContextParams: 'llama_context_params',
  ImportanceEntry: 'llama_model_imatrix_data',
  QuantizeParams: 'llama_model_quantize_params',
  Batch: 'llama_batch',
  ChatMessage: 'llama_chat_message',
  GgmlInitParams: 'ggml_init_params',
  GgufInitParams: 'gguf_init_params',
  ThreadpoolParams: 'ggml_threadpool_params',
} as const;

/** Fields of each struct of abi.h. */
function fieldsOf(header: string, struct: string): string[] {
  const body = new RegExp(`struct ${struct} \\{([^}]*)\\}`).exec(header)?.[1] ?? '';
  return [...body.matchAll(/(\w+)(?:\[\d+\])?;/g)].map((match) => match[1]!);
}

function proofSource(header: string): string {
  const lines = ['#include "llama.h"', '#include "abi.h"', 'namespace ours = snug::llama::abi;'];
  for (const [ours, theirs] of Object.entries(structs)) {
    lines.push(`static_assert(sizeof(ours::${ours}) == sizeof(struct ${theirs}), "size of ${theirs}");`);
    for (const field of fieldsOf(header, ours)) {
      const where = `${theirs}.${field}`;
      lines.push(
        `static_assert(offsetof(ours::${ours}, ${field}) == offsetof(struct ${theirs}, ${field}), "offset of ${where}");`,
      );
      lines.push(`static_assert(sizeof(ours::${ours}::${field}) == sizeof(${theirs}::${field}), "size of ${where}");`);
    }
  }
  const numbers = {
    'ours::kLoadNone': 'LLAMA_LOAD_MODE_NONE',
    'ours::kLoadMmap': 'LLAMA_LOAD_MODE_MMAP',
    'ours::kDeviceCpu': 'GGML_BACKEND_DEVICE_TYPE_CPU',
    'ours::kDeviceGpu': 'GGML_BACKEND_DEVICE_TYPE_GPU',
    'ours::kDeviceIntegratedGpu': 'GGML_BACKEND_DEVICE_TYPE_IGPU',
    'ours::kDeviceAccelerator': 'GGML_BACKEND_DEVICE_TYPE_ACCEL',
    'ours::kDeviceMeta': 'GGML_BACKEND_DEVICE_TYPE_META',
    'ours::kLogError': 'GGML_LOG_LEVEL_ERROR',
    'ours::kLogContinue': 'GGML_LOG_LEVEL_CONT',
  };
  for (const [ours, theirs] of Object.entries(numbers))
    lines.push(`static_assert(int(${ours}) == int(${theirs}), "${theirs}");`);
  lines.push('static_assert(sizeof(llama_token) == 4 && sizeof(llama_pos) == 4 && sizeof(llama_seq_id) == 4, "ids");');
  return lines.join('\n');
}

describe.skipIf(!existsSync(ggufPackageBundle))('native/llama/abi.h', () => {
  const folder = temporaryFolder();
  const source = existsSync(ggufPackageBundle) ? checkOutBundle(folder, ['include', 'ggml/include']) : '';
  const ours = path.join(root, 'native/llama');
  const header = readFileSync(path.join(ours, 'abi.h'), 'utf8');

  function compile(text: string): { status: number | null; stderr: string } {
    const file = path.join(folder, 'proof.cc');
    writeFileSync(file, text);
    const includes = [path.join(source, 'include'), path.join(source, 'ggml/include'), ours].flatMap((include) => [
      '-I',
      include,
    ]);
    return spawnSync(
      'g++',
      ['-std=c++20', '-fsyntax-only', '-Wno-deprecated-declarations', '-Wno-invalid-offsetof', ...includes, file],
      {
        encoding: 'utf8',
      },
    );
  }

  test('has size and offset of every field as the real headers', () => {
    for (const struct of Object.keys(structs)) expect(fieldsOf(header, struct).length).toBeGreaterThan(1);
    expect(fieldsOf(header, 'ContextParams')).toHaveLength(37);
    const { status, stderr } = compile(proofSource(header));
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test('the proof notices a field in the wrong place', () => {
    const wrong = proofSource(header).replace(
      'offsetof(ours::ContextParams, n_threads)',
      'offsetof(ours::ContextParams, n_ubatch)',
    );
    expect(compile(wrong).stderr).toContain('offset of llama_context_params.n_threads');
  });

  test('file types have the numbers of llama_ftype, and none is missing', () => {
    const llama = readFileSync(path.join(source, 'include/llama.h'), 'utf8');
    const theirs = [...llama.matchAll(/^\s+LLAMA_FTYPE_(?:ALL|MOSTLY)_(\w+)\s*= (\d+),/gm)];
    expect(fileTypes).toEqual(Object.fromEntries(theirs.map(([, name, number]) => [name, Number(number)])));
  });
});
