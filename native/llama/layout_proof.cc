#include "layout_proof.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "failure.h"

namespace snug::llama {
namespace {

constexpr size_t kProbeBytes = 512;
constexpr unsigned char kUntouched = 0xA5;
// ggml_object in front of every tensor.
constexpr size_t kObjectBytes = 32;
constexpr int32_t kQ4K = 12;

// A result larger than any of the structs, so that the caller's buffer is what the callee writes into, on every ABI.
struct Probe {
  unsigned char bytes[kProbeBytes];
};

void require(bool holds, const std::string& what) {
  if (holds) return;
  throw Failure("LLAMA_UNAVAILABLE",
                "The llama.cpp libraries do not have the layout that Snug knows (" + what + "), so they are not used.");
}

void proveRelease(const Api& api, const std::vector<std::string>& knownReleases) {
  const std::string release = api.llama_version();
  if (std::find(knownReleases.begin(), knownReleases.end(), release) != knownReleases.end()) return;
  std::string known;
  for (const std::string& name : knownReleases) known += (known.empty() ? "" : ", ") + name;
  throw Failure("LLAMA_UNAVAILABLE", "llama.cpp " + release + " is not a release that Snug knows (" + known +
                                         "). Install the node-llama-cpp version that Snug's package.json names.");
}

// Bytes that a `*_default_params` function writes, rounded up to the alignment of 8.
size_t writtenBytes(void* function) {
  alignas(16) unsigned char buffer[kProbeBytes];
  volatile unsigned char* watched = buffer;  // volatile: the fill must not be optimised away before the call
  for (size_t i = 0; i < kProbeBytes; ++i) watched[i] = kUntouched;
  new (buffer) Probe(reinterpret_cast<Probe (*)()>(function)());
  size_t last = kProbeBytes;
  while (last > 0 && watched[last - 1] == kUntouched) --last;
  return (last + 7) / 8 * 8;
}

template <typename Params>
void proveSize(const char* name, Params (*defaults)()) {
  const size_t written = writtenBytes(reinterpret_cast<void*>(defaults));
  require(written == sizeof(Params), std::string(name) + ": expected " + std::to_string(sizeof(Params)) +
                                         " bytes, found " + std::to_string(written));
}

void proveDefaults(const Api& api) {
  const abi::ModelParams model = api.llama_model_default_params();
  require(model.devices == nullptr && model.tensor_buft_overrides == nullptr && model.n_gpu_layers == -1 &&
              model.load_mode == -1 && model.tensor_split == nullptr && model.progress_callback == nullptr &&
              model.progress_callback_user_data == nullptr && model.kv_overrides == nullptr,
          "defaults of llama_model_params");
  require(!model.vocab_only && !model.check_tensors && model.use_extra_bufts && !model.no_host && !model.no_alloc,
          "flags of llama_model_params");
  const abi::ContextParams context = api.llama_context_default_params();
  require(context.n_ctx == 512 && context.n_batch == 2048 && context.n_ubatch == 512 && context.n_seq_max == 1 &&
              context.n_threads == context.n_threads_batch && context.flash_attn_type == -1 && context.type_k == 1 &&
              context.type_v == 1 && context.yarn_ext_factor == -1.0F,
          "defaults of llama_context_params");
  require(context.cb_eval == nullptr && context.cb_eval_user_data == nullptr && context.abort_callback == nullptr &&
              context.abort_callback_data == nullptr && context.samplers == nullptr && context.n_samplers == 0 &&
              context.ctx_other == nullptr,
          "pointers of llama_context_params");
  require(!context.embeddings && context.offload_kqv && context.no_perf && context.op_offload && context.swa_full &&
              !context.kv_unified,
          "flags of llama_context_params");
  const abi::QuantizeParams quantize = api.llama_model_quantize_default_params();
  require(quantize.nthread == 0 && quantize.ftype == 7 &&
              quantize.output_tensor_type == quantize.token_embedding_type && !quantize.allow_requantize &&
              quantize.quantize_output_tensor && !quantize.only_copy && !quantize.pure && !quantize.keep_split &&
              !quantize.dry_run && quantize.imatrix == nullptr && quantize.kv_overrides == nullptr &&
              quantize.tt_overrides == nullptr && quantize.prune_layers == nullptr && quantize.max_buf_size > 0,
          "defaults of llama_model_quantize_params");
}

void proveThreadpool(const Api& api) {
  constexpr int32_t kThreads = 7;
  const abi::ThreadpoolParams pool = api.ggml_threadpool_params_default(kThreads);
  require(pool.n_threads == kThreads && pool.poll <= 100 && !pool.strict_cpu && !pool.paused, "ggml_threadpool_params");
}

void proveTensor(const Api& api) {
  require(api.ggml_tensor_overhead() == kObjectBytes + sizeof(abi::Tensor), "size of ggml_tensor");
  require(std::strcmp(api.ggml_type_name(kQ4K), "q4_K") == 0, "number of type q4_K");
  abi::GgmlContext* context = api.ggml_init({16 * api.ggml_tensor_overhead(), nullptr, true});
  require(context != nullptr, "ggml_init");
  abi::Tensor* weight = api.ggml_new_tensor_2d(context, kQ4K, 256, 3);
  api.ggml_set_name(weight, "proof.weight");
  abi::Tensor* input = api.ggml_new_tensor_2d(context, 0, 256, 5);
  const abi::Tensor* product = api.ggml_mul_mat(context, weight, input);
  const bool weightHolds = weight->type == kQ4K && weight->ne[0] == 256 && weight->ne[1] == 3 && weight->ne[2] == 1 &&
                           weight->nb[0] == 144 && weight->nb[1] == 144 && weight->nb[2] == 432 &&
                           std::strcmp(weight->name, "proof.weight") == 0 && weight->view_src == nullptr &&
                           weight->data == nullptr && weight->buffer == nullptr;
  const bool productHolds = product->op == api.op_mul_mat && product->src[0] == weight && product->src[1] == input &&
                            product->src[2] == nullptr && product->type == 0 && product->ne[0] == 3 &&
                            product->ne[1] == 5 && product->nb[1] == 12;
  api.ggml_free(context);
  require(weightHolds, "fields of ggml_tensor");
  require(productHolds, "operation of ggml_tensor");
}

}  // namespace

void proveLayout(const Api& api, const std::vector<std::string>& knownReleases) {
  proveRelease(api, knownReleases);
  proveSize("llama_model_params", api.llama_model_default_params);
  proveSize("llama_context_params", api.llama_context_default_params);
  proveSize("llama_model_quantize_params", api.llama_model_quantize_default_params);
  proveDefaults(api);
  proveThreadpool(api);
  proveTensor(api);
}

}  // namespace snug::llama
