// llama.cpp's own quantiser: as a dry run for the types of named mixes, and for real as the tests' oracle and rival.
#include "duties.h"
#include "log.h"
#include "session.h"

namespace snug::llama {
namespace {

struct Importance {
  std::string name;
  std::vector<float> values;  // mean squares [slices, columns]
};

class QuantizeTask final : public Task {
 public:
  QuantizeTask(const Napi::Env& env, const Napi::Object& options, const Napi::Object& control)
      : Task(env, control),
        input_(stringOf(options, "input")),
        output_(stringOf(options, "output")),
        params_(api().llama_model_quantize_default_params()) {
    params_.ftype = intOf(options, "fileType");
    params_.pure = boolOf(options, "pure");
    params_.dry_run = boolOf(options, "dryRun");
    params_.allow_requantize = boolOf(options, "allowRequantize");
    params_.nthread = intOf(options, "threads");
    const auto list = options.Get("importance").As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); ++i) {
      const auto entry = list.Get(i).As<Napi::Object>();
      const auto values = entry.Get("values").As<Napi::Float32Array>();
      importance_.push_back({stringOf(entry, "name"), {values.Data(), values.Data() + values.ElementLength()}});
    }
  }

 private:
  void run() override {
    std::vector<abi::ImportanceEntry> entries;
    for (const Importance& entry : importance_) {
      entries.push_back({entry.name.c_str(), entry.values.data(), entry.values.size()});
    }
    entries.push_back({nullptr, nullptr, 0});
    if (!importance_.empty()) params_.imatrix = entries.data();
    const LogCapture capture;
    succeeded_ = api().llama_model_quantize(input_.c_str(), output_.c_str(), &params_) == 0;
    log_ = capture.text();
  }

  Napi::Value result(const Napi::Env& env) override {
    const Napi::Object found = Napi::Object::New(env);
    found.Set("succeeded", succeeded_);
    found.Set("log", log_);
    return found;
  }

  std::string input_;
  std::string output_;
  abi::QuantizeParams params_;
  std::vector<Importance> importance_;
  bool succeeded_ = false;
  std::string log_;
};

}  // namespace

Napi::Value quantize(const Napi::CallbackInfo& info) { return startTask<QuantizeTask>(info); }

}  // namespace snug::llama
