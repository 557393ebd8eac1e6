// Sums of squares of every weight's input over windows, as one flat float32 array and its index.
#include <chrono>

#include "duties.h"
#include "input_squares.h"
#include "windows.h"

namespace snug::llama {
namespace {

class StatisticsTask final : public Task {
 public:
  StatisticsTask(const Napi::Env& env, const Napi::Object& options, const Napi::Object& control)
      : Task(env, control),
        path_(stringOf(options, "model")),
        settings_(Settings::from(options)),
        windows_(windowsFrom(options, "windows")) {}

 private:
  void run() override {
    const Model model(path_, Model::Kind::weights, settings_, *this);
    ContextOptions contextOptions;
    contextOptions.context = longest(windows_);
    contextOptions.evalCallback = InputSquaresCollector::onNode;
    contextOptions.evalUserData = &collector_;
    Context context(model, settings_, contextOptions, *this);
    device_ = deviceInUse(context, settings_);
    const auto start = std::chrono::steady_clock::now();
    const double total = totalTokens(windows_);
    double done = 0;
    for (const TokenWindow& window : windows_) {
      context.clear();
      for (int32_t first = 0; first < lengthOf(window); first += kPieceTokens) {
        const int32_t count = std::min(kPieceTokens, lengthOf(window) - first);
        decodePiece(context, window, first, count);
        done += count;
        progress("run", done, total);
      }
    }
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  // All logits are wanted: llama.cpp drops the rows of the others before the last block's feed-forward part.
  void decodePiece(Context& context, const TokenWindow& window, int32_t first, int32_t count) {
    collector_.beginGraph();
    try {
      context.decode(window.data(), first, count, first);
    } catch (const Failure&) {
      if (collector_.error().empty()) throw;
    }
    if (!collector_.error().empty()) {
      throw Failure("LLAMA_FAILED", "Cannot collect the inputs of " + collector_.error() + ".");
    }
  }

  Napi::Value result(const Napi::Env& env) override {
    size_t length = 0;
    for (const InputSquares& entry : collector_.entries()) length += entry.sums.size() + entry.counts.size();
    Napi::Float32Array values = Napi::Float32Array::New(env, length);
    const Napi::Array index = Napi::Array::New(env, collector_.entries().size());
    float* to = values.Data();
    uint32_t position = 0;
    for (const InputSquares& entry : collector_.entries()) {
      const Napi::Object row = Napi::Object::New(env);
      row.Set("name", entry.name);
      row.Set("columns", static_cast<double>(entry.columns));
      row.Set("slices", static_cast<double>(entry.slices));
      row.Set("offset", static_cast<double>(to - values.Data()));
      index.Set(position++, row);
      for (const double sum : entry.sums) *to++ = static_cast<float>(sum);
      for (const int64_t count : entry.counts) *to++ = static_cast<float>(count);
    }
    const Napi::Object found = Napi::Object::New(env);
    found.Set("entries", index);
    found.Set("values", values);
    found.Set("tokens", totalTokens(windows_));
    found.Set("seconds", seconds_);
    found.Set("device", device_);
    return found;
  }

  std::string path_;
  Settings settings_;
  std::vector<TokenWindow> windows_;
  InputSquaresCollector collector_;
  std::string device_;
  double seconds_ = 0;
};

}  // namespace

Napi::Value statistics(const Napi::CallbackInfo& info) { return startTask<StatisticsTask>(info); }

}  // namespace snug::llama
