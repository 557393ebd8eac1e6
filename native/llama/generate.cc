// Greedy text after a prompt. Bytes, because a token may end inside a UTF-8 character.
#include <cstring>

#include "duties.h"
#include "softmax.h"
#include "tokenize.h"

namespace snug::llama {
namespace {

class GenerateTask final : public Task {
 public:
  GenerateTask(const Napi::Env& env, const Napi::Object& options, const Napi::Object& control)
      : Task(env, control),
        path_(stringOf(options, "model")),
        settings_(Settings::from(options)),
        prompt_(stringOf(options, "prompt")),
        wanted_(intOf(options, "tokens")) {}

 private:
  void run() override {
    const Model model(path_, Model::Kind::weights, settings_, *this);
    std::vector<int32_t> tokens = tokenizeText(model, prompt_, true, true);
    if (tokens.empty()) throw Failure("LLAMA_FAILED", "The prompt has no tokens: write something to continue.");
    ContextOptions contextOptions;
    contextOptions.context = static_cast<uint32_t>(tokens.size()) + static_cast<uint32_t>(wanted_);
    Context context(model, settings_, contextOptions, *this);
    int32_t next = readPrompt(model, context, tokens);
    while (written_ < wanted_ && !api().llama_vocab_is_eog(model.vocab(), next)) {
      text_ += pieceOf(model, next);
      written_ += 1;
      progress("run", written_, wanted_, text_);
      if (written_ == wanted_) break;
      tokens.push_back(next);
      const auto position = static_cast<int32_t>(tokens.size()) - 1;
      next = sumRow(context.decode(tokens.data(), position, 1, position), model.vocabSize()).top;
    }
  }

  int32_t readPrompt(const Model& model, Context& context, const std::vector<int32_t>& tokens) {
    const auto length = static_cast<int32_t>(tokens.size());
    const float* logits = nullptr;
    for (int32_t first = 0; first < length; first += kPieceTokens) {
      logits = context.decode(tokens.data(), first, std::min(kPieceTokens, length - first), length - 1);
    }
    return sumRow(logits, model.vocabSize()).top;
  }

  Napi::Value result(const Napi::Env& env) override {
    Napi::Uint8Array bytes = Napi::Uint8Array::New(env, text_.size());
    if (!text_.empty()) std::memcpy(bytes.Data(), text_.data(), text_.size());
    const Napi::Object found = Napi::Object::New(env);
    found.Set("text", bytes);
    found.Set("tokens", written_);
    return found;
  }

  std::string path_;
  Settings settings_;
  std::string prompt_;
  int32_t wanted_;
  std::string text_;
  int32_t written_ = 0;
};

}  // namespace

Napi::Value generate(const Napi::CallbackInfo& info) { return startTask<GenerateTask>(info); }

}  // namespace snug::llama
