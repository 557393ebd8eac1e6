#include "task.h"

#include <cstring>
#include <new>

#include "log.h"

namespace snug::llama {

constexpr auto kProgressInterval = std::chrono::milliseconds(100);

static void tell(const Napi::Env& env, const Napi::Function& callback, const ProgressMessage& message) {
  callback.Call({Napi::String::New(env, message.phase), Napi::Number::New(env, message.done),
                 Napi::Number::New(env, message.total), Napi::String::New(env, message.text)});
}

Task::Task(const Napi::Env& env, const Napi::Object& control)
    : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)) {
  auto array = control.Get("cancel").As<Napi::Int32Array>();
  cancelArray_ = Napi::Persistent(array);
  cancelFlag_ = array.Data();
  const Napi::Value onProgress = control.Get("onProgress");
  if (onProgress.IsFunction()) {
    progressCallback_ = Napi::Persistent(onProgress.As<Napi::Function>());
    progressFunction_ =
        Napi::ThreadSafeFunction::New(env, onProgress.As<Napi::Function>(), "snug_llama progress", 0, 1);
  }
}

Task::~Task() {
  if (progressFunction_) progressFunction_->Release();
}

Napi::Promise Task::start() {
  Queue();
  return deferred_.Promise();
}

bool Task::cancelled() const { return std::atomic_ref<int32_t>(*cancelFlag_).load(std::memory_order_relaxed) != 0; }

void Task::progress(const char* phase, double done, double total, const std::string& text) {
  if (!progressFunction_) return;
  const auto now = std::chrono::steady_clock::now();
  if (done < total && now - lastProgress_ < kProgressInterval) return;
  lastProgress_ = now;
  lastMessage_ = {phase, done, total, text};
  auto* message = new ProgressMessage(lastMessage_);
  undelivered_->fetch_add(1);
  const napi_status status = progressFunction_->NonBlockingCall(
      message, [undelivered = undelivered_](Napi::Env env, Napi::Function callback, ProgressMessage* told) {
        tell(env, callback, *told);
        delete told;
        undelivered->fetch_sub(1);
      });
  if (status == napi_ok) return;
  delete message;
  undelivered_->fetch_sub(1);
}

void Task::Execute() {
  clearRecentLog();
  try {
    throwIfCancelled();
    run();
  } catch (const Failure& failure) {
    errorCode_ = failure.code();
    SetError(failure.what());
  } catch (const std::bad_alloc&) {
    errorCode_ = "OUT_OF_MEMORY";
    SetError("Not enough memory for llama.cpp.");
  } catch (const std::exception& error) {
    errorCode_ = "LLAMA_FAILED";
    SetError(std::string("llama.cpp failed: ") + error.what() + ".");
  }
  if (!errorCode_.empty()) errorLog_ = recentLog();
}

void Task::tellLast() {
  if (undelivered_->load() > 0) tell(Env(), progressCallback_.Value(), lastMessage_);
}

void Task::OnOK() {
  const Napi::HandleScope scope(Env());
  tellLast();
  deferred_.Resolve(result(Env()));
}

void Task::OnError(const Napi::Error& error) {
  const Napi::HandleScope scope(Env());
  const Napi::Object value = error.Value();
  value.Set("code", errorCode_);
  value.Set("log", errorLog_);
  deferred_.Reject(value);
}

std::string stringOf(const Napi::Object& object, const char* key) {
  return object.Get(key).As<Napi::String>().Utf8Value();
}

int32_t intOf(const Napi::Object& object, const char* key) { return object.Get(key).As<Napi::Number>().Int32Value(); }

bool boolOf(const Napi::Object& object, const char* key) { return object.Get(key).As<Napi::Boolean>().Value(); }

Napi::Float32Array floatArray(const Napi::Env& env, const float* values, size_t length) {
  Napi::Float32Array array = Napi::Float32Array::New(env, length);
  if (length > 0) std::memcpy(array.Data(), values, length * sizeof(float));
  return array;
}

}  // namespace snug::llama
