// Text after a prompt, greedy or drawn by a seed. Bytes, because a token may end inside a UTF-8 character.
#include <chrono>
#include <cmath>
#include <cstring>
#include <random>

#include "duties.h"
#include "softmax.h"
#include "tokenize.h"

namespace snug::llama {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Uniform in [0, 1): the standard's own distribution is not the same on every platform.
double uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1.0p-53; }

class GenerateTask final : public Task {
 public:
  GenerateTask(const Napi::Env& env, const Napi::Object& options, const Napi::Object& control)
      : Task(env, control),
        path_(stringOf(options, "model")),
        settings_(Settings::from(options)),
        prompt_(stringOf(options, "prompt")),
        wanted_(intOf(options, "tokens")),
        temperature_(options.Get("temperature").As<Napi::Number>().DoubleValue()),
        random_(options.Get("seed").As<Napi::Number>().Uint32Value()) {}

 private:
  void run() override {
    const Model model(path_, Model::Kind::weights, settings_, *this);
    std::vector<int32_t> tokens = tokenizeText(model, prompt_, true, true);
    if (tokens.empty()) throw Failure("LLAMA_FAILED", "The prompt has no tokens: write something to continue.");
    promptTokens_ = static_cast<int32_t>(tokens.size());
    ContextOptions contextOptions;
    contextOptions.context = static_cast<uint32_t>(tokens.size()) + static_cast<uint32_t>(wanted_);
    Context context(model, settings_, contextOptions, *this);
    device_ = deviceInUse(context, settings_);
    const auto start = Clock::now();
    int32_t next = readPrompt(model, context, tokens);
    prefillSeconds_ = secondsSince(start);
    write(model, context, tokens, next);
    decodeSeconds_ = secondsSince(start) - prefillSeconds_;
  }

  void write(const Model& model, Context& context, std::vector<int32_t>& tokens, int32_t next) {
    while (written_ < wanted_) {
      stopped_ = api().llama_vocab_is_eog(model.vocab(), next);
      if (stopped_) return;
      text_ += pieceOf(model, next);
      written_ += 1;
      progress("run", written_, wanted_, text_);
      if (written_ == wanted_) return;
      tokens.push_back(next);
      const auto position = static_cast<int32_t>(tokens.size()) - 1;
      next = choose(context.decode(tokens.data(), position, 1, position), model.vocabSize());
    }
  }

  int32_t readPrompt(const Model& model, Context& context, const std::vector<int32_t>& tokens) {
    const auto length = static_cast<int32_t>(tokens.size());
    const float* logits = nullptr;
    for (int32_t first = 0; first < length; first += kPieceTokens) {
      logits = context.decode(tokens.data(), first, std::min(kPieceTokens, length - first), length - 1);
    }
    return choose(logits, model.vocabSize());
  }

  // The most likely token; with a temperature one that is drawn from softmax(logits / temperature).
  int32_t choose(const float* logits, int32_t count) {
    const RowSum sum = sumRow(logits, count);
    if (temperature_ <= 0) return sum.top;
    const auto weight = [&](int32_t token) {
      return std::exp((static_cast<double>(logits[token]) - sum.max) / temperature_);
    };
    double total = 0;
    for (int32_t token = 0; token < count; ++token) total += weight(token);
    double left = uniform(random_) * total;
    for (int32_t token = 0; token < count; ++token) {
      left -= weight(token);
      if (left < 0) return token;
    }
    return sum.top;  // rounding
  }

  Napi::Value result(const Napi::Env& env) override {
    Napi::Uint8Array bytes = Napi::Uint8Array::New(env, text_.size());
    if (!text_.empty()) std::memcpy(bytes.Data(), text_.data(), text_.size());
    const Napi::Object found = Napi::Object::New(env);
    found.Set("text", bytes);
    found.Set("tokens", written_);
    found.Set("promptTokens", promptTokens_);
    found.Set("stopped", stopped_);
    found.Set("prefillSeconds", prefillSeconds_);
    found.Set("decodeSeconds", decodeSeconds_);
    found.Set("device", device_);
    return found;
  }

  std::string path_;
  Settings settings_;
  std::string prompt_;
  int32_t wanted_;
  double temperature_;
  std::mt19937_64 random_;
  std::string text_;
  std::string device_;
  int32_t promptTokens_ = 0;
  int32_t written_ = 0;
  bool stopped_ = false;
  double prefillSeconds_ = 0;
  double decodeSeconds_ = 0;
};

}  // namespace

Napi::Value generate(const Napi::CallbackInfo& info) { return startTask<GenerateTask>(info); }

}  // namespace snug::llama
