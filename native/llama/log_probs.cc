// Log-probabilities after wanted positions of one window.
#include <numeric>

#include "duties.h"
#include "softmax.h"
#include "windows.h"

namespace snug::llama {
namespace {

class LogProbsTask final : public Task {
 public:
  LogProbsTask(const Napi::Env& env, const Napi::Object& options, const Napi::Object& control)
      : Task(env, control),
        path_(stringOf(options, "model")),
        settings_(Settings::from(options)),
        tokens_(windowFrom(options.Get("tokens"))),
        positions_(windowFrom(options.Get("positions"))) {}

 private:
  void run() override {
    const Model model(path_, Model::Kind::weights, settings_, *this);
    vocabSize_ = model.vocabSize();
    ContextOptions contextOptions;
    contextOptions.context = static_cast<uint32_t>(tokens_.size());
    Context context(model, settings_, contextOptions, *this);
    values_.resize(positions_.size() * static_cast<size_t>(vocabSize_));
    const int32_t last = *std::max_element(positions_.begin(), positions_.end());
    for (int32_t first = 0; first <= last; first += kPieceTokens) {
      const int32_t count = std::min(kPieceTokens, last + 1 - first);
      const float* logits = context.decode(tokens_.data(), first, count, first);
      for (size_t i = 0; i < positions_.size(); ++i) {
        if (positions_[i] >= first && positions_[i] < first + count) writeRow(i, logits, positions_[i] - first);
      }
    }
  }

  void writeRow(size_t index, const float* logits, int32_t row) {
    const float* from = logits + static_cast<size_t>(row) * static_cast<size_t>(vocabSize_);
    float* to = values_.data() + index * static_cast<size_t>(vocabSize_);
    const RowSum sum = sumRow(from, vocabSize_);
    for (int32_t token = 0; token < vocabSize_; ++token)
      to[token] = static_cast<float>(logProbability(sum, from, token));
  }

  Napi::Value result(const Napi::Env& env) override {
    const Napi::Object found = Napi::Object::New(env);
    found.Set("vocabSize", vocabSize_);
    found.Set("logProbs", floatArray(env, values_.data(), values_.size()));
    return found;
  }

  std::string path_;
  Settings settings_;
  TokenWindow tokens_;
  TokenWindow positions_;
  std::vector<float> values_;  // [positions, V]
  int32_t vocabSize_ = 0;
};

}  // namespace

Napi::Value logProbs(const Napi::CallbackInfo& info) { return startTask<LogProbsTask>(info); }

}  // namespace snug::llama
