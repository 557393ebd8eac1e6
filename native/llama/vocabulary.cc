// What every token of a file stands for, and which of them end a text: for those who put ids together themselves.
#include <cstring>

#include "duties.h"
#include "tokenize.h"

namespace snug::llama {
namespace {

class VocabularyTask final : public Task {
 public:
  VocabularyTask(const Napi::Env& env, const Napi::Object& options, const Napi::Object& control)
      : Task(env, control), path_(stringOf(options, "model")) {}

 private:
  void run() override {
    const Model model(path_, Model::Kind::vocabulary, {}, *this);
    const int32_t size = model.vocabSize();
    offsets_.push_back(0);
    for (int32_t token = 0; token < size; ++token) {
      pieces_ += pieceOf(model, token);
      offsets_.push_back(static_cast<int32_t>(pieces_.size()));
      if (api().llama_vocab_is_eog(model.vocab(), token)) ends_.push_back(token);
    }
  }

  static Napi::Int32Array arrayOf(const Napi::Env& env, const std::vector<int32_t>& values) {
    Napi::Int32Array array = Napi::Int32Array::New(env, values.size());
    if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(int32_t));
    return array;
  }

  Napi::Value result(const Napi::Env& env) override {
    Napi::Uint8Array bytes = Napi::Uint8Array::New(env, pieces_.size());
    if (!pieces_.empty()) std::memcpy(bytes.Data(), pieces_.data(), pieces_.size());
    const Napi::Object found = Napi::Object::New(env);
    found.Set("pieces", bytes);
    found.Set("offsets", arrayOf(env, offsets_));
    found.Set("ends", arrayOf(env, ends_));
    return found;
  }

  std::string path_;
  std::string pieces_;
  std::vector<int32_t> offsets_;
  std::vector<int32_t> ends_;
};

}  // namespace

Napi::Value vocabulary(const Napi::CallbackInfo& info) { return startTask<VocabularyTask>(info); }

}  // namespace snug::llama
