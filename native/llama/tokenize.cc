#include "tokenize.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "duties.h"

namespace snug::llama {

std::vector<int32_t> tokenizeText(const Model& model, const std::string& text, bool addSpecial, bool parseSpecial) {
  if (text.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max() - 16)) {
    throw Failure("LLAMA_FAILED", "A text over 2 GiB cannot be tokenized in one piece.");
  }
  const auto length = static_cast<int32_t>(text.size());
  std::vector<int32_t> ids(text.size() / 2 + 16);
  const auto attempt = [&] {
    return api().llama_tokenize(model.vocab(), text.data(), length, ids.data(), static_cast<int32_t>(ids.size()),
                                addSpecial, parseSpecial);
  };
  int32_t count = attempt();
  if (count == std::numeric_limits<int32_t>::min()) throw Failure("LLAMA_FAILED", "The text has too many tokens.");
  if (count < 0) {
    ids.resize(static_cast<size_t>(-count));
    count = attempt();
  }
  if (count < 0) throw Failure("LLAMA_FAILED", "llama.cpp cannot tokenize the text with " + model.path() + ".");
  ids.resize(static_cast<size_t>(count));
  return ids;
}

std::string pieceOf(const Model& model, int32_t token) {
  std::string piece(64, '\0');
  const auto attempt = [&] {
    return api().llama_token_to_piece(model.vocab(), token, piece.data(), static_cast<int32_t>(piece.size()), 0,
                                      false);
  };
  int32_t length = attempt();
  if (length < 0) {
    piece.resize(static_cast<size_t>(-length));
    length = attempt();
  }
  piece.resize(static_cast<size_t>(std::max(length, 0)));
  return piece;
}

namespace {

class TokenizeTask final : public Task {
 public:
  TokenizeTask(const Napi::Env& env, const Napi::Object& options, const Napi::Object& control)
      : Task(env, control),
        path_(stringOf(options, "model")),
        addSpecial_(boolOf(options, "addSpecial")),
        parseSpecial_(boolOf(options, "parseSpecial")) {
    const auto list = options.Get("texts").As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); ++i) {
      const auto bytes = list.Get(i).As<Napi::Uint8Array>();
      texts_.emplace_back(reinterpret_cast<const char*>(bytes.Data()), bytes.ElementLength());
    }
  }

 private:
  void run() override {
    const Model model(path_, Model::Kind::vocabulary, {}, *this);
    for (const std::string& text : texts_) {
      throwIfCancelled();
      ids_.push_back(tokenizeText(model, text, addSpecial_, parseSpecial_));
    }
  }

  Napi::Value result(const Napi::Env& env) override {
    const Napi::Array list = Napi::Array::New(env, ids_.size());
    for (uint32_t i = 0; i < ids_.size(); ++i) {
      Napi::Int32Array array = Napi::Int32Array::New(env, ids_[i].size());
      if (!ids_[i].empty()) std::memcpy(array.Data(), ids_[i].data(), ids_[i].size() * sizeof(int32_t));
      list.Set(i, array);
    }
    return list;
  }

  std::string path_;
  std::vector<std::string> texts_;
  std::vector<std::vector<int32_t>> ids_;
  bool addSpecial_;
  bool parseSpecial_;
};

}  // namespace

Napi::Value tokenize(const Napi::CallbackInfo& info) { return startTask<TokenizeTask>(info); }

}  // namespace snug::llama
