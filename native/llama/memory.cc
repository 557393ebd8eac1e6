// Memory per buffer type for combinations of file and settings. Requests that load a file in the same way and follow
// each other share the loaded sizes.
#include "duties.h"
#include "header_model.h"
#include "memory_breakdown.h"

namespace snug::llama {
namespace {

struct Request {
  std::string header;
  Settings settings;
  uint32_t context;
  uint32_t microBatch;

  bool sharesModel(const Request& other) const {
    return header == other.header && settings.gpuLayers == other.settings.gpuLayers &&
           settings.cpuExpertLayers == other.settings.cpuExpertLayers;
  }
};

// What llama.cpp's own programs have (common.h): n_batch 2048, sliding-window layers keep their window only.
constexpr uint32_t kRunnerBatch = 2048;
constexpr bool kRunnerWholeSlidingWindow = false;

class MemoryTask final : public Task {
 public:
  MemoryTask(const Napi::Env& env, const Napi::Object& options, const Napi::Object& control)
      : Task(env, control), loadWeights_(boolOf(options, "loadWeights")) {
    const auto list = options.Get("requests").As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); ++i) {
      const auto entry = list.Get(i).As<Napi::Object>();
      requests_.push_back({stringOf(entry, "header"), Settings::from(entry),
                           static_cast<uint32_t>(intOf(entry, "context")),
                           static_cast<uint32_t>(intOf(entry, "microBatch"))});
    }
  }

 private:
  void run() override {
    std::unique_ptr<Model> model;
    for (size_t i = 0; i < requests_.size(); ++i) {
      throwIfCancelled();
      const Request& request = requests_[i];
      if (model == nullptr || !request.sharesModel(requests_[i - 1])) {
        model.reset();
        model = load(request);
      }
      ContextOptions contextOptions;
      contextOptions.context = request.context;
      contextOptions.batch = std::max(kRunnerBatch, request.microBatch);
      contextOptions.microBatch = request.microBatch;
      contextOptions.wholeSlidingWindow = kRunnerWholeSlidingWindow;
      const Context context(*model, request.settings, contextOptions, *this);
      uses_.push_back(memoryBreakdown(context));
      progress("run", static_cast<double>(i + 1), static_cast<double>(requests_.size()));
    }
  }

  std::unique_ptr<Model> load(const Request& request) {
    if (!loadWeights_) return loadSizes(request.header, request.settings, *this);
    return std::make_unique<Model>(request.header, Model::Kind::weightsWithoutMmap, request.settings, *this);
  }

  Napi::Value result(const Napi::Env& env) override {
    const Napi::Array list = Napi::Array::New(env, uses_.size());
    for (uint32_t i = 0; i < uses_.size(); ++i) {
      const Napi::Array parts = Napi::Array::New(env, uses_[i].size());
      for (uint32_t j = 0; j < uses_[i].size(); ++j) parts.Set(j, part(env, uses_[i][j]));
      list.Set(i, parts);
    }
    return list;
  }

  static Napi::Object part(const Napi::Env& env, const BufferUse& use) {
    const Napi::Object object = Napi::Object::New(env);
    object.Set("bufferType", use.bufferType);
    object.Set("device", use.device == nullptr ? "CPU" : api().ggml_backend_dev_name(use.device));
    object.Set("kind", deviceKind(use.device));
    object.Set("modelBytes", static_cast<double>(use.model));
    object.Set("contextBytes", static_cast<double>(use.context));
    object.Set("computeBytes", static_cast<double>(use.compute));
    return object;
  }

  bool loadWeights_;  // a real load, for the tests that hold the figures against it
  std::vector<Request> requests_;
  std::vector<std::vector<BufferUse>> uses_;
};

}  // namespace

Napi::Value memory(const Napi::CallbackInfo& info) { return startTask<MemoryTask>(info); }

}  // namespace snug::llama
