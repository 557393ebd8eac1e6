// Per token figures of a candidate, and of its distance to a reference: both models run piece by piece side by side,
// and their logits are compared and dropped. Peak memory of logits: 2 x 128 x V x 4 bytes.
#include <chrono>
#include <cstring>
#include <optional>

#include "duties.h"
#include "softmax.h"
#include "windows.h"

namespace snug::llama {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Index i belongs to the prediction of token i + 1; T - 1 values each.
struct WindowFigures {
  std::vector<float> referenceNll;
  std::vector<float> candidateNll;
  std::vector<float> kld;
  std::vector<uint8_t> sameTop;
};

class CompareTask final : public Task {
 public:
  CompareTask(const Napi::Env& env, const Napi::Object& options, const Napi::Object& control)
      : Task(env, control),
        candidatePath_(stringOf(options, "candidate")),
        settings_(Settings::from(options)),
        windows_(windowsFrom(options, "windows")) {
    if (options.Get("reference").IsString()) referencePath_ = stringOf(options, "reference");
  }

 private:
  void run() override {
    const Model candidate(candidatePath_, Model::Kind::weights, settings_, *this);
    vocabSize_ = candidate.vocabSize();
    ContextOptions contextOptions;
    contextOptions.context = longest(windows_);
    Context candidateContext(candidate, settings_, contextOptions, *this);
    device_ = deviceInUse(candidateContext, settings_);
    if (!referencePath_) return runWindows(candidateContext, nullptr);
    const Model reference(*referencePath_, Model::Kind::weights, settings_, *this);
    if (reference.vocabSize() != vocabSize_) {
      throw Failure("LLAMA_FAILED", "The vocabularies differ: " + *referencePath_ + " has " +
                                        std::to_string(reference.vocabSize()) + " tokens, " + candidatePath_ + " has " +
                                        std::to_string(vocabSize_) + ".");
    }
    Context referenceContext(reference, settings_, contextOptions, *this);
    runWindows(candidateContext, &referenceContext);
  }

  void runWindows(Context& candidate, Context* reference) {
    const Clock::time_point start = Clock::now();
    const double total = totalTokens(windows_);
    double done = 0;
    for (const TokenWindow& window : windows_) {
      candidate.clear();
      if (reference != nullptr) reference->clear();
      figures_.push_back(runWindow(window, candidate, reference, done, total));
      done += static_cast<double>(window.size());
    }
    progress("run", total, total);
    seconds_ = secondsSince(start);
  }

  WindowFigures runWindow(const TokenWindow& window, Context& candidate, Context* reference, double done,
                          double total) {
    const int32_t predictions = lengthOf(window) - 1;
    WindowFigures figures;
    figures.candidateNll.resize(static_cast<size_t>(predictions));
    if (reference != nullptr) {
      figures.referenceNll.resize(static_cast<size_t>(predictions));
      figures.kld.resize(static_cast<size_t>(predictions));
      figures.sameTop.resize(static_cast<size_t>(predictions));
    }
    for (int32_t first = 0; first < predictions; first += kPieceTokens) {
      const int32_t count = std::min(kPieceTokens, predictions - first);
      const Clock::time_point start = Clock::now();
      const float* referenceLogits =
          reference == nullptr ? nullptr : reference->decode(window.data(), first, count, first);
      const float* candidateLogits = candidate.decode(window.data(), first, count, first);
      decodeSeconds_ += secondsSince(start);
      measure(window, first, count, referenceLogits, candidateLogits, figures);
      progress("run", done + first + count, total);
    }
    return figures;
  }

  // `reference` (or null) and `candidate`: logits [count, V] after tokens first .. first + count - 1.
  void measure(const TokenWindow& window, int32_t first, int32_t count, const float* reference, const float* candidate,
               WindowFigures& figures) const {
    parallelFor(count, settings_.threads, [&](int32_t row) {
      const auto index = static_cast<size_t>(first + row);
      const int32_t target = window[index + 1];
      const size_t offset = static_cast<size_t>(row) * static_cast<size_t>(vocabSize_);
      const float* candidateRow = candidate + offset;
      if (reference == nullptr) {
        figures.candidateNll[index] =
            static_cast<float>(-logProbability(sumRow(candidateRow, vocabSize_), candidateRow, target));
        return;
      }
      const float* referenceRow = reference + offset;
      const RowComparison rows = compareRows(referenceRow, candidateRow, vocabSize_);
      figures.referenceNll[index] = static_cast<float>(-logProbability(rows.reference, referenceRow, target));
      figures.candidateNll[index] = static_cast<float>(-logProbability(rows.candidate, candidateRow, target));
      figures.kld[index] = static_cast<float>(rows.kld);
      figures.sameTop[index] = rows.reference.top == rows.candidate.top ? 1 : 0;
    });
  }

  Napi::Value result(const Napi::Env& env) override {
    const Napi::Array list = Napi::Array::New(env, figures_.size());
    for (uint32_t i = 0; i < figures_.size(); ++i) list.Set(i, windowResult(env, figures_[i]));
    const Napi::Object found = Napi::Object::New(env);
    found.Set("windows", list);
    found.Set("seconds", seconds_);
    found.Set("decodeSeconds", decodeSeconds_);
    found.Set("device", device_);
    return found;
  }

  Napi::Object windowResult(const Napi::Env& env, const WindowFigures& figures) const {
    const Napi::Object window = Napi::Object::New(env);
    window.Set("candidateNll", floatArray(env, figures.candidateNll.data(), figures.candidateNll.size()));
    if (!referencePath_) {
      for (const char* key : {"referenceNll", "kld", "sameTop"}) window.Set(key, env.Null());
      return window;
    }
    window.Set("referenceNll", floatArray(env, figures.referenceNll.data(), figures.referenceNll.size()));
    window.Set("kld", floatArray(env, figures.kld.data(), figures.kld.size()));
    Napi::Uint8Array sameTop = Napi::Uint8Array::New(env, figures.sameTop.size());
    if (!figures.sameTop.empty()) std::memcpy(sameTop.Data(), figures.sameTop.data(), figures.sameTop.size());
    window.Set("sameTop", sameTop);
    return window;
  }

  std::optional<std::string> referencePath_;
  std::string candidatePath_;
  Settings settings_;
  std::vector<TokenWindow> windows_;
  std::vector<WindowFigures> figures_;
  std::string device_;
  int32_t vocabSize_ = 0;
  double seconds_ = 0;
  double decodeSeconds_ = 0;
};

}  // namespace

Napi::Value compare(const Napi::CallbackInfo& info) { return startTask<CompareTask>(info); }

}  // namespace snug::llama
