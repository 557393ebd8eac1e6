// Facts of a model file, by a vocabulary-only load: llama.cpp leaves hyperparameters unread there, so those come from
// the file's own metadata.
#include <cstdlib>

#include "duties.h"
#include "session.h"

namespace snug::llama {
namespace {

class DescribeTask final : public Task {
 public:
  DescribeTask(const Napi::Env& env, const Napi::Object& options, const Napi::Object& control)
      : Task(env, control), path_(stringOf(options, "model")) {}

 private:
  void run() override {
    const Model model(path_, Model::Kind::vocabulary, {}, *this);
    const std::string architecture = metadata(model, "general.architecture");
    const std::string name = metadata(model, "general.name");
    description_ = name.empty() ? architecture : name + " (" + architecture + ")";
    vocabSize_ = model.vocabSize();
    contextLength_ = std::atoi(metadata(model, architecture + ".context_length").c_str());
    addsBos_ = api().llama_vocab_get_add_bos(model.vocab());
    bos_ = api().llama_vocab_bos(model.vocab());
    eos_ = api().llama_vocab_eos(model.vocab());
    hasDecoder_ = api().llama_model_has_decoder(model.get());
    isRecurrent_ = api().llama_model_is_recurrent(model.get()) || api().llama_model_is_hybrid(model.get());
  }

  // Value of a metadata key as text, or empty.
  static std::string metadata(const Model& model, const std::string& key) {
    char text[512] = {};
    return api().llama_model_meta_val_str(model.get(), key.c_str(), text, sizeof text) < 0 ? "" : text;
  }

  Napi::Value result(const Napi::Env& env) override {
    const Napi::Object facts = Napi::Object::New(env);
    facts.Set("description", description_);
    facts.Set("vocabSize", vocabSize_);
    facts.Set("contextLength", contextLength_);
    facts.Set("addsBos", addsBos_);
    facts.Set("bos", bos_);
    facts.Set("eos", eos_);
    facts.Set("hasDecoder", hasDecoder_);
    facts.Set("isRecurrent", isRecurrent_);
    return facts;
  }

  std::string path_;
  std::string description_;
  int32_t vocabSize_ = 0;
  int32_t contextLength_ = 0;
  int32_t bos_ = -1;
  int32_t eos_ = -1;
  bool addsBos_ = false;
  bool hasDecoder_ = false;
  bool isRecurrent_ = false;
};

}  // namespace

Napi::Value describe(const Napi::CallbackInfo& info) { return startTask<DescribeTask>(info); }

}  // namespace snug::llama
