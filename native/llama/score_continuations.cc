// Sums of log-probabilities of continuations. Items that share a beginning with the item before them (the answers of
// one question) keep it in the cache, where the model's memory can drop a tail; recurrent state cannot and starts anew.
#include <chrono>
#include <cstring>

#include "duties.h"
#include "softmax.h"
#include "windows.h"

namespace snug::llama {
namespace {

struct Item {
  TokenWindow tokens;     // context, then continuation
  int32_t contextLength;  // >= 1
};

class ScoreTask final : public Task {
 public:
  ScoreTask(const Napi::Env& env, const Napi::Object& options, const Napi::Object& control)
      : Task(env, control), path_(stringOf(options, "model")), settings_(Settings::from(options)) {
    const std::vector<TokenWindow> contexts = windowsFrom(options, "contexts");
    const std::vector<TokenWindow> continuations = windowsFrom(options, "continuations");
    for (size_t i = 0; i < contexts.size(); ++i) {
      Item item{contexts[i], lengthOf(contexts[i])};
      item.tokens.insert(item.tokens.end(), continuations[i].begin(), continuations[i].end());
      longest_ = std::max(longest_, item.tokens.size());
      items_.push_back(std::move(item));
    }
  }

 private:
  void run() override {
    const Model model(path_, Model::Kind::weights, settings_, *this);
    vocabSize_ = model.vocabSize();
    ContextOptions contextOptions;
    contextOptions.context = static_cast<uint32_t>(longest_);
    Context context(model, settings_, contextOptions, *this);
    const auto start = std::chrono::steady_clock::now();
    for (const Item& item : items_) {
      sums_.push_back(score(item, context));
      progress("run", static_cast<double>(sums_.size()), static_cast<double>(items_.size()));
    }
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  double score(const Item& item, Context& context) {
    // The last token is never decoded: nothing is asked after it.
    const int32_t end = lengthOf(item.tokens) - 1;
    int32_t kept = keepShared(item, context);
    double sum = 0.0;
    for (; kept < end; kept += kPieceTokens) {
      const int32_t count = std::min(kPieceTokens, end - kept);
      const int32_t wantedFrom = std::max(kept, item.contextLength - 1);
      const float* logits = context.decode(item.tokens.data(), kept, count, wantedFrom);
      decoded_ += count;
      for (int32_t i = wantedFrom; i < kept + count; ++i) {
        const float* row = logits + static_cast<size_t>(i - wantedFrom) * static_cast<size_t>(vocabSize_);
        sum += logProbability(sumRow(row, vocabSize_), row, item.tokens[static_cast<size_t>(i) + 1]);
      }
    }
    cached_.assign(item.tokens.begin(), item.tokens.begin() + end);
    return sum;
  }

  // Leaves what the cache shares with `item` before its last context token; returns how many tokens that is.
  int32_t keepShared(const Item& item, Context& context) {
    const auto shared = std::mismatch(cached_.begin(), cached_.end(), item.tokens.begin(), item.tokens.end()).first;
    const int32_t kept = std::min(static_cast<int32_t>(shared - cached_.begin()), item.contextLength - 1);
    cached_.clear();
    if (kept > 0 && context.truncate(kept)) return kept;
    context.clear();
    return 0;
  }

  Napi::Value result(const Napi::Env& env) override {
    Napi::Float64Array sums = Napi::Float64Array::New(env, sums_.size());
    if (!sums_.empty()) std::memcpy(sums.Data(), sums_.data(), sums_.size() * sizeof(double));
    const Napi::Object found = Napi::Object::New(env);
    found.Set("logLikelihoods", sums);
    found.Set("seconds", seconds_);
    found.Set("tokens", static_cast<double>(decoded_));
    return found;
  }

  std::string path_;
  Settings settings_;
  std::vector<Item> items_;
  std::vector<double> sums_;
  TokenWindow cached_;  // what the context holds
  size_t longest_ = 1;
  int64_t decoded_ = 0;
  int32_t vocabSize_ = 0;
  double seconds_ = 0;
};

}  // namespace

Napi::Value scoreContinuations(const Napi::CallbackInfo& info) { return startTask<ScoreTask>(info); }

}  // namespace snug::llama
