// Our own declarations of the llama.cpp structs that cross the C API, for the releases in the caller's table.
// layout_proof.cc proves them against the loaded library before use; test/llama-host/layout.test.ts proves every
// size and offset against the real headers. 64-bit only. Enums are int32, as the C compilers make them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace snug::llama::abi {

struct Model;    // llama_model
struct Context;  // llama_context
struct Vocab;    // llama_vocab
struct Memory;   // llama_memory_i
struct Gguf;     // gguf_context
struct GgmlContext;
struct Device;      // ggml_backend_device
struct Registry;    // ggml_backend_reg
struct BufferType;  // ggml_backend_buffer_type
struct Buffer;      // ggml_backend_buffer
struct Threadpool;  // ggml_threadpool

struct Tensor {
  int32_t type;
  Buffer* buffer;
  int64_t ne[4];  // elements per dimension
  size_t nb[4];   // stride in bytes per dimension
  int32_t op;
  int32_t op_params[16];
  int32_t flags;
  Tensor* src[10];
  Tensor* view_src;
  size_t view_offs;
  void* data;
  char name[64];
  void* extra;
  char padding[8];
};

using ProgressCallback = bool (*)(float progress, void* user_data);
using EvalCallback = bool (*)(Tensor* tensor, bool ask, void* user_data);
using AbortCallback = bool (*)(void* user_data);
using LogCallback = void (*)(int32_t level, const char* text, void* user_data);

struct BufferTypeOverride {
  const char* pattern;
  BufferType* buft;
};

struct ModelParams {
  Device** devices;
  const BufferTypeOverride* tensor_buft_overrides;
  int32_t n_gpu_layers;
  int32_t split_mode;
  int32_t load_mode;
  int32_t lazy_mode;
  int32_t main_gpu;
  const float* tensor_split;
  ProgressCallback progress_callback;
  void* progress_callback_user_data;
  const void* kv_overrides;
  bool vocab_only;
  bool check_tensors;
  bool use_extra_bufts;
  bool no_host;
  bool no_alloc;
  bool load_mtp;
};

struct ContextParams {
  uint32_t n_ctx;
  uint32_t n_batch;
  uint32_t n_ubatch;
  uint32_t n_seq_max;
  uint32_t n_rs_seq;
  uint32_t n_outputs_max;
  uint32_t n_outputs_max_per_seq;
  int32_t n_threads;
  int32_t n_threads_batch;
  int32_t ctx_type;
  int32_t rope_scaling_type;
  int32_t pooling_type;
  int32_t attention_type;
  int32_t flash_attn_type;
  float rope_freq_base;
  float rope_freq_scale;
  float yarn_ext_factor;
  float yarn_attn_factor;
  float yarn_beta_fast;
  float yarn_beta_slow;
  uint32_t yarn_orig_ctx;
  float defrag_thold;
  EvalCallback cb_eval;
  void* cb_eval_user_data;
  int32_t type_k;
  int32_t type_v;
  AbortCallback abort_callback;
  void* abort_callback_data;
  bool embeddings;
  bool offload_kqv;
  bool no_perf;
  bool op_offload;
  bool swa_full;
  bool kv_unified;
  void* samplers;
  size_t n_samplers;
  Context* ctx_other;
};

struct ImportanceEntry {
  const char* name;
  const float* data;
  size_t size;
};

struct QuantizeParams {
  int32_t nthread;
  int32_t ftype;
  int32_t output_tensor_type;
  int32_t token_embedding_type;
  bool allow_requantize;
  bool quantize_output_tensor;
  bool only_copy;
  bool pure;
  bool keep_split;
  bool dry_run;
  const ImportanceEntry* imatrix;
  const void* kv_overrides;
  const void* tt_overrides;
  const int32_t* prune_layers;
  size_t max_buf_size;
};

struct Batch {
  int32_t n_tokens;
  int32_t* token;
  float* embd;
  int32_t* pos;
  int32_t* n_seq_id;
  int32_t** seq_id;
  int8_t* logits;
};

struct ChatMessage {
  const char* role;
  const char* content;
};

struct GgmlInitParams {
  size_t mem_size;
  void* mem_buffer;
  bool no_alloc;
};

struct ThreadpoolParams {
  bool cpumask[512];
  int32_t n_threads;
  int32_t prio;
  uint32_t poll;
  bool strict_cpu;
  bool paused;
};

struct GgufInitParams {
  bool no_alloc;
  GgmlContext** ctx;
};

// Values of enums that the C API documents as stable numbers.
enum LoadMode : int32_t { kLoadNone = 0, kLoadMmap = 1 };
enum DeviceType : int32_t {
  kDeviceCpu = 0,
  kDeviceGpu = 1,
  kDeviceIntegratedGpu = 2,
  kDeviceAccelerator = 3,
  kDeviceMeta = 4
};
enum LogLevel : int32_t { kLogError = 4, kLogContinue = 5 };

}  // namespace snug::llama::abi
