// A long call: work on a libuv thread, a promise for its result, throttled progress, and a cancel flag that JS sets.
#pragma once
#include <napi.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "failure.h"

namespace snug::llama {

// What a running computation may ask and tell, from any thread.
class Control {
 public:
  virtual ~Control() = default;
  virtual bool cancelled() const = 0;
  // Told at most every 100 ms, the last value always. `phase` is "open" or "run"; `text` is what was written so far.
  virtual void progress(const char* phase, double done, double total, const std::string& text) = 0;
  void progress(const char* phase, double done, double total) { progress(phase, done, total, {}); }
  void throwIfCancelled() const {
    if (cancelled()) throw Cancelled();
  }
};

struct ProgressMessage {
  const char* phase = "";
  double done = 0;
  double total = 0;
  std::string text;
};

class Task : public Napi::AsyncWorker, public Control {
 public:
  // `control` = { cancel: Int32Array(1), onProgress?: (phase, done, total, text) => void }
  Task(const Napi::Env& env, const Napi::Object& control);
  ~Task() override;

  // Starts the work. The object deletes itself.
  Napi::Promise start();

  bool cancelled() const override;
  using Control::progress;
  void progress(const char* phase, double done, double total, const std::string& text) override;

 protected:
  // The work; no JS in here.
  virtual void run() = 0;
  // The result, on the JS thread.
  virtual Napi::Value result(const Napi::Env& env) = 0;

 private:
  void Execute() override;
  void OnOK() override;
  void OnError(const Napi::Error& error) override;
  // Tells the last progress where it is still on its way: a result never overtakes it.
  void tellLast();

  Napi::Promise::Deferred deferred_;
  Napi::Reference<Napi::Int32Array> cancelArray_;
  int32_t* cancelFlag_;
  std::optional<Napi::ThreadSafeFunction> progressFunction_;
  Napi::FunctionReference progressCallback_;
  std::shared_ptr<std::atomic<int>> undelivered_ = std::make_shared<std::atomic<int>>(0);
  ProgressMessage lastMessage_;
  std::chrono::steady_clock::time_point lastProgress_;
  std::string errorCode_;
  std::string errorLog_;
};

// Parts of an options object; types were checked by the TypeScript side.
std::string stringOf(const Napi::Object& object, const char* key);
int32_t intOf(const Napi::Object& object, const char* key);
bool boolOf(const Napi::Object& object, const char* key);
Napi::Float32Array floatArray(const Napi::Env& env, const float* values, size_t length);

}  // namespace snug::llama
