#include "session.h"

#include <algorithm>

#include "memory_breakdown.h"

namespace snug::llama {
namespace {

// Idle threads of a pool spin this x 131,072 rounds before they sleep. 1 is some milliseconds: longer than the gaps
// between the graphs of one piece. The default (50) would spin through the other model's whole piece when two are
// compared.
constexpr uint32_t kPoll = 1;

abi::Device* noDevices[] = {nullptr};

bool keepLoading(float fraction, void* control) {
  auto* told = static_cast<Control*>(control);
  told->progress("open", fraction, 1.0);
  return !told->cancelled();
}

bool shouldAbort(void* control) { return static_cast<Control*>(control)->cancelled(); }

}  // namespace

Settings Settings::from(const Napi::Object& object) {
  Settings settings;
  settings.gpuLayers = intOf(object, "gpuLayers");
  settings.cpuExpertLayers = intOf(object, "cpuExpertLayers");
  settings.threads = intOf(object, "threads");
  settings.typeK = api().typeNumber(stringOf(object, "kvTypeK"));
  settings.typeV = api().typeNumber(stringOf(object, "kvTypeV"));
  settings.flashAttention = intOf(object, "flashAttention");
  return settings;
}

Model::Model(const std::string& path, Kind kind, const Settings& settings, Control& control) : path_(path) {
  adopt(api().llama_model_load_from_file(path.c_str(), params(kind, settings, control)), control);
}

Model::Model(FILE* file, const std::string& path, Kind kind, const Settings& settings, Control& control) : path_(path) {
  adopt(api().llama_model_load_from_file_ptr(file, params(kind, settings, control)), control);
}

Model::~Model() { api().llama_model_free(model_); }

abi::ModelParams Model::params(Kind kind, const Settings& settings, Control& control) {
  abi::ModelParams params = api().llama_model_default_params();
  params.n_gpu_layers = settings.gpuLayers;
  params.vocab_only = kind == Kind::vocabulary;
  params.no_alloc = kind == Kind::sizesOnly;
  params.load_mode = kind == Kind::weights || kind == Kind::vocabulary ? abi::kLoadMmap : abi::kLoadNone;
  // With a GPU registered, llama.cpp sends large products there even without layers on it: "cpu" has to mean the CPU.
  // The sizes must stay what a runner uses, so they keep the default.
  if (kind == Kind::weights && settings.gpuLayers == 0) params.devices = noDevices;
  params.progress_callback = keepLoading;
  params.progress_callback_user_data = &control;
  // The same patterns as llama.cpp's --n-cpu-moe (common.h, LLM_FFN_EXPS_REGEX).
  for (int32_t layer = 0; layer < settings.cpuExpertLayers; ++layer) {
    patterns_.push_back("blk\\." + std::to_string(layer) + "\\.ffn_(up|down|gate|gate_up)_(ch|)exps");
  }
  for (const std::string& pattern : patterns_)
    overrides_.push_back({pattern.c_str(), api().ggml_backend_cpu_buffer_type()});
  overrides_.push_back({nullptr, nullptr});
  if (!patterns_.empty()) params.tensor_buft_overrides = overrides_.data();
  return params;
}

void Model::adopt(abi::Model* model, const Control& control) {
  if (model == nullptr) {
    control.throwIfCancelled();
    throw Failure("LLAMA_FAILED", "llama.cpp cannot load " + path_ + ".");
  }
  model_ = model;
}

Context::Context(const Model& model, const Settings& settings, const ContextOptions& options, Control& control)
    : model_(model), control_(control) {
  abi::ContextParams params = api().llama_context_default_params();
  params.n_ctx = options.context;
  // llama.cpp cuts n_batch to n_ctx, and aborts on a larger decode: a context is never smaller than a piece.
  params.n_batch = options.batch;
  params.n_ubatch = std::min(options.microBatch, options.batch);
  params.n_threads = settings.threads;
  params.n_threads_batch = settings.threads;
  params.type_k = settings.typeK;
  params.type_v = settings.typeV;
  params.flash_attn_type = settings.flashAttention;
  params.swa_full = options.wholeSlidingWindow;
  params.cb_eval = options.evalCallback;
  params.cb_eval_user_data = options.evalUserData;
  params.abort_callback = shouldAbort;
  params.abort_callback_data = &control;
  context_ = api().llama_init_from_model(model.get(), params);
  if (context_ == nullptr) {
    control.throwIfCancelled();
    throw Failure("LLAMA_FAILED", "llama.cpp cannot make a context of " + std::to_string(options.context) +
                                      " tokens for " + model.path() + ".");
  }
  if (settings.threads <= 1) return;
  // Without a pool every graph starts its threads anew, and statistics run 200 small graphs per piece.
  abi::ThreadpoolParams pool = api().ggml_threadpool_params_default(settings.threads);
  pool.poll = kPoll;
  threadpool_ = api().threadpool_new(&pool);
  api().llama_attach_threadpool(context_, threadpool_, threadpool_);
}

Context::~Context() {
  api().llama_free(context_);
  if (threadpool_ != nullptr) api().threadpool_free(threadpool_);
}

void Context::clear() { api().llama_memory_clear(api().llama_get_memory(context_), true); }

bool Context::truncate(int32_t position) {
  return api().llama_memory_seq_rm(api().llama_get_memory(context_), 0, position, -1);
}

const float* Context::decode(const int32_t* tokens, int32_t first, int32_t count, int32_t wantedFrom) {
  control_.throwIfCancelled();
  std::vector<int32_t> token(tokens + first, tokens + first + count);
  std::vector<int32_t> position(static_cast<size_t>(count));
  std::vector<int32_t> sequenceCount(static_cast<size_t>(count), 1);
  int32_t sequence = 0;
  std::vector<int32_t*> sequences(static_cast<size_t>(count), &sequence);
  std::vector<int8_t> wanted(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; ++i) {
    position[static_cast<size_t>(i)] = first + i;
    wanted[static_cast<size_t>(i)] = first + i >= wantedFrom ? 1 : 0;
  }
  const abi::Batch batch{count,        token.data(), nullptr, position.data(), sequenceCount.data(), sequences.data(),
                         wanted.data()};
  const int32_t status = api().llama_decode(context_, batch);
  control_.throwIfCancelled();
  if (status != 0) {
    throw Failure("LLAMA_FAILED", "llama.cpp cannot run " + model_.path() + " at token " + std::to_string(first) +
                                      " of a window (status " + std::to_string(status) + ").");
  }
  return wantedFrom < first + count ? api().llama_get_logits(context_) : nullptr;
}

std::string deviceInUse(const Context& context, const Settings& settings) {
  if (settings.gpuLayers == 0) return "cpu";
#ifdef _WIN32
  // The breakdown has no C name there; with layers asked for, llama.cpp takes every GPU that is registered.
  (void)context;
  std::vector<abi::Device*> devices;
  for (size_t i = 0; i < api().ggml_backend_dev_count(); ++i) devices.push_back(api().ggml_backend_dev_get(i));
#else
  std::vector<abi::Device*> devices;
  for (const BufferUse& use : memoryBreakdown(context)) {
    if (use.model > 0 && use.device != nullptr) devices.push_back(use.device);
  }
#endif
  std::string names;
  for (abi::Device* device : devices) {
    const int32_t type = api().ggml_backend_dev_type(device);
    if (type != abi::kDeviceGpu && type != abi::kDeviceIntegratedGpu) continue;
    names += (names.empty() ? "" : " + ") + std::string(api().ggml_backend_dev_description(device));
  }
  return names.empty() ? "cpu" : names;
}

const char* deviceKind(abi::Device* device) {
  switch (device == nullptr ? abi::kDeviceCpu : api().ggml_backend_dev_type(device)) {
    case abi::kDeviceCpu:
      return "cpu";
    case abi::kDeviceGpu:
      return "gpu";
    case abi::kDeviceIntegratedGpu:
      return "igpu";
    default:
      return "accelerator";
  }
}

}  // namespace snug::llama
