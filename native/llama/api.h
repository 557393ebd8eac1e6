// Addresses of llama.cpp's functions, found by name in the libraries that the caller names. Nothing is linked.
#pragma once
#include <cstdio>
#include <string>

#include "abi.h"

namespace snug::llama {

// F(library, result, name, parameters): every function used, under its C name.
#define SNUG_LLAMA_FUNCTIONS(F)                                                                               \
  F(base, const char*, ggml_version, ())                                                                      \
  F(base, const char*, ggml_op_name, (int32_t))                                                               \
  F(base, const char*, ggml_type_name, (int32_t))                                                             \
  F(base, size_t, ggml_tensor_overhead, ())                                                                   \
  F(base, size_t, ggml_nbytes, (const abi::Tensor*))                                                          \
  F(base, abi::GgmlContext*, ggml_init, (abi::GgmlInitParams))                                                \
  F(base, void, ggml_free, (abi::GgmlContext*))                                                               \
  F(base, abi::Tensor*, ggml_new_tensor_2d, (abi::GgmlContext*, int32_t, int64_t, int64_t))                   \
  F(base, abi::Tensor*, ggml_mul_mat, (abi::GgmlContext*, abi::Tensor*, abi::Tensor*))                        \
  F(base, abi::Tensor*, ggml_set_name, (abi::Tensor*, const char*))                                           \
  F(base, abi::Gguf*, gguf_init_from_file, (const char*, abi::GgufInitParams))                                \
  F(base, void, gguf_free, (abi::Gguf*))                                                                      \
  F(base, size_t, gguf_get_data_offset, (const abi::Gguf*))                                                   \
  F(base, int64_t, gguf_get_n_tensors, (const abi::Gguf*))                                                    \
  F(base, size_t, gguf_get_tensor_offset, (const abi::Gguf*, int64_t))                                        \
  F(base, size_t, gguf_get_tensor_size, (const abi::Gguf*, int64_t))                                          \
  F(base, bool, ggml_backend_buffer_is_host, (abi::Buffer*))                                                  \
  F(base, void, ggml_backend_tensor_get, (const abi::Tensor*, void*, size_t, size_t))                         \
  F(base, const char*, ggml_backend_buft_name, (abi::BufferType*))                                            \
  F(base, bool, ggml_backend_buft_is_host, (abi::BufferType*))                                                \
  F(base, abi::Device*, ggml_backend_buft_get_device, (abi::BufferType*))                                     \
  F(base, abi::BufferType*, ggml_backend_cpu_buffer_type, ())                                                 \
  F(base, const char*, ggml_backend_dev_name, (abi::Device*))                                                 \
  F(base, const char*, ggml_backend_dev_description, (abi::Device*))                                          \
  F(base, int32_t, ggml_backend_dev_type, (abi::Device*))                                                     \
  F(base, void, ggml_backend_dev_memory, (abi::Device*, size_t*, size_t*))                                    \
  F(base, abi::Registry*, ggml_backend_dev_backend_reg, (abi::Device*))                                       \
  F(base, void*, ggml_backend_reg_get_proc_address, (abi::Registry*, const char*))                            \
  F(base, abi::ThreadpoolParams, ggml_threadpool_params_default, (int32_t))                                   \
  F(ggml, void, ggml_backend_load_all_from_path, (const char*))                                               \
  F(ggml, abi::Registry*, ggml_backend_load, (const char*))                                                   \
  F(ggml, size_t, ggml_backend_dev_count, ())                                                                 \
  F(ggml, abi::Device*, ggml_backend_dev_get, (size_t))                                                       \
  F(llama, const char*, llama_version, ())                                                                    \
  F(llama, void, llama_log_set, (abi::LogCallback, void*))                                                    \
  F(llama, void, llama_backend_init, ())                                                                      \
  F(llama, abi::ModelParams, llama_model_default_params, ())                                                  \
  F(llama, abi::ContextParams, llama_context_default_params, ())                                              \
  F(llama, abi::QuantizeParams, llama_model_quantize_default_params, ())                                      \
  F(llama, abi::Model*, llama_model_load_from_file, (const char*, abi::ModelParams))                          \
  F(llama, abi::Model*, llama_model_load_from_file_ptr, (FILE*, abi::ModelParams))                            \
  F(llama, void, llama_model_free, (abi::Model*))                                                             \
  F(llama, abi::Context*, llama_init_from_model, (abi::Model*, abi::ContextParams))                           \
  F(llama, void, llama_attach_threadpool, (abi::Context*, abi::Threadpool*, abi::Threadpool*))                \
  F(llama, void, llama_free, (abi::Context*))                                                                 \
  F(llama, const abi::Vocab*, llama_model_get_vocab, (const abi::Model*))                                     \
  F(llama, int32_t, llama_model_meta_val_str, (const abi::Model*, const char*, char*, size_t))                \
  F(llama, bool, llama_model_has_decoder, (const abi::Model*))                                                \
  F(llama, bool, llama_model_is_recurrent, (const abi::Model*))                                               \
  F(llama, bool, llama_model_is_hybrid, (const abi::Model*))                                                  \
  F(llama, int32_t, llama_vocab_n_tokens, (const abi::Vocab*))                                                \
  F(llama, int32_t, llama_vocab_bos, (const abi::Vocab*))                                                     \
  F(llama, int32_t, llama_vocab_eos, (const abi::Vocab*))                                                     \
  F(llama, bool, llama_vocab_get_add_bos, (const abi::Vocab*))                                                \
  F(llama, bool, llama_vocab_is_eog, (const abi::Vocab*, int32_t))                                            \
  F(llama, int32_t, llama_tokenize, (const abi::Vocab*, const char*, int32_t, int32_t*, int32_t, bool, bool)) \
  F(llama, int32_t, llama_token_to_piece, (const abi::Vocab*, int32_t, char*, int32_t, int32_t, bool))        \
  F(llama, int32_t, llama_chat_apply_template,                                                                \
    (const char*, const abi::ChatMessage*, size_t, bool, char*, int32_t))                                     \
  F(llama, abi::Memory*, llama_get_memory, (const abi::Context*))                                             \
  F(llama, void, llama_memory_clear, (abi::Memory*, bool))                                                    \
  F(llama, bool, llama_memory_seq_rm, (abi::Memory*, int32_t, int32_t, int32_t))                              \
  F(llama, int32_t, llama_decode, (abi::Context*, abi::Batch))                                                \
  F(llama, float*, llama_get_logits, (abi::Context*))                                                         \
  F(llama, uint32_t, llama_model_quantize, (const char*, const char*, const abi::QuantizeParams*))

struct Api {
#define SNUG_DECLARE(library, result, name, parameters) result(*name) parameters = nullptr;
  SNUG_LLAMA_FUNCTIONS(SNUG_DECLARE)
#undef SNUG_DECLARE
  // The C++ function llama_get_memory_breakdown (staging header llama-ext.h); null where its name is mangled otherwise.
  void* memory_breakdown = nullptr;
  // Numbers of operations, looked up by name.
  int32_t op_mul_mat = -1;
  int32_t op_mul_mat_id = -1;

  // Functions of the CPU back end, found by `findCpuFunctions` once it is loaded.
  abi::Threadpool* (*threadpool_new)(abi::ThreadpoolParams*) = nullptr;
  void (*threadpool_free)(abi::Threadpool*) = nullptr;

  // Finds the functions above. Throws LLAMA_UNAVAILABLE when no CPU back end is loaded or lacks them.
  void findCpuFunctions();

  // Number of a ggml type such as "f16" or "q8_0". Throws LLAMA_FAILED when this build has no such type.
  int32_t typeNumber(const std::string& name) const;
};

struct LibraryPaths {
  std::string base;   // libggml-base
  std::string ggml;   // libggml: registry and loader of back ends
  std::string llama;  // libllama
};

// Opens the libraries in dependency order and finds every function. Throws std::runtime_error in the loader's words.
Api openLibraries(const LibraryPaths& paths);

// The one API of this process. Throws LLAMA_UNAVAILABLE before `installApi`.
const Api& api();
void installApi(const Api& api);

}  // namespace snug::llama
