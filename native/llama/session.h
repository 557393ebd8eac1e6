// A loaded model, a context on it, and decoding in pieces: owners of what llama.cpp allocates.
// Letters: V vocabulary, T tokens of a window.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "api.h"
#include "task.h"

namespace snug::llama {

// Tokens per llama_decode. Logits of one piece are 128 x V x 4 bytes, and a cancel waits for one piece at most.
constexpr int32_t kPieceTokens = 128;

// How a model is loaded and run; numbers of ggml types.
struct Settings {
  int32_t gpuLayers = 0;
  int32_t cpuExpertLayers = 0;
  int32_t threads = 1;
  int32_t typeK = 1;
  int32_t typeV = 1;
  int32_t flashAttention = -1;  // -1 auto, 0 off, 1 on

  static Settings from(const Napi::Object& object);
};

class Model {
 public:
  enum class Kind { weights, weightsWithoutMmap, vocabulary, sizesOnly };

  // Throws LLAMA_FAILED with llama.cpp's reason, or CANCELLED.
  Model(const std::string& path, Kind kind, const Settings& settings, Control& control);
  // From an open file; the file may be closed afterwards for `sizesOnly`.
  Model(FILE* file, const std::string& path, Kind kind, const Settings& settings, Control& control);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  abi::Model* get() const { return model_; }
  const abi::Vocab* vocab() const { return api().llama_model_get_vocab(model_); }
  int32_t vocabSize() const { return api().llama_vocab_n_tokens(vocab()); }
  const std::string& path() const { return path_; }

 private:
  abi::ModelParams params(Kind kind, const Settings& settings, Control& control);
  void adopt(abi::Model* model, const Control& control);

  std::string path_;
  std::vector<std::string> patterns_;
  std::vector<abi::BufferTypeOverride> overrides_;
  abi::Model* model_ = nullptr;
};

struct ContextOptions {
  uint32_t context = 0;
  uint32_t batch = kPieceTokens;       // most tokens of one llama_decode
  uint32_t microBatch = kPieceTokens;  // most tokens of one graph
  bool wholeSlidingWindow = true;      // keep all tokens of sliding-window layers, so that a tail can be dropped
  abi::EvalCallback evalCallback = nullptr;
  void* evalUserData = nullptr;
};

class Context {
 public:
  // Throws LLAMA_FAILED with llama.cpp's reason.
  Context(const Model& model, const Settings& settings, const ContextOptions& options, Control& control);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  abi::Context* get() const { return context_; }

  // Forgets all tokens.
  void clear();
  // Drops the tokens from `position` on; false where the model's memory cannot (recurrent state).
  bool truncate(int32_t position);
  // Decodes tokens[first, first + count) at those positions; count <= the batch size. Rows of logits are wanted for
  // tokens at index >= wantedFrom (absolute). Returns their logits [count of wanted, V] float32, valid until the next
  // call. Throws CANCELLED or LLAMA_FAILED.
  const float* decode(const int32_t* tokens, int32_t first, int32_t count, int32_t wantedFrom);

 private:
  const Model& model_;
  Control& control_;
  abi::Context* context_ = nullptr;
  abi::Threadpool* threadpool_ = nullptr;
};

// Name of the GPU that holds weights of `context`'s model, or "cpu".
std::string deviceInUse(const Context& context, const Settings& settings);

// "GPU" kinds as the contract names them: cpu, gpu, igpu, accelerator.
const char* deviceKind(abi::Device* device);

}  // namespace snug::llama
