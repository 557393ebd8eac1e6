// A long call as a promise: runs on a worker thread, keeps its JavaScript buffers alive, answers with an outcome.
#pragma once
#include <napi.h>

#include <functional>
#include <utility>
#include <vector>

#include "row_blocks.h"

namespace snug {

class AsyncCall : public Napi::AsyncWorker {
 public:
  // `buffers` are the arrays whose memory `run` reads or writes; `run` touches no JavaScript value.
  static Napi::Promise start(Napi::Env env, const std::vector<Napi::Value>& buffers, std::function<Outcome()> run) {
    auto* call = new AsyncCall(env, std::move(run));
    for (const Napi::Value& buffer : buffers) {
      if (buffer.IsObject()) call->buffers_.push_back(Napi::Persistent(buffer.As<Napi::Object>()));
    }
    const Napi::Promise promise = call->deferred_.Promise();
    call->Queue();
    return promise;
  }

 protected:
  void Execute() override { outcome_ = run_(); }

  void OnOK() override {
    const Napi::HandleScope scope(Env());
    static constexpr const char* kNames[] = {"done", "cancelled", "nonFinite", "invalid"};
    Napi::Object result = Napi::Object::New(Env());
    result.Set("status", kNames[static_cast<int>(outcome_.status)]);
    result.Set("element", static_cast<double>(outcome_.element));
    result.Set("value", outcome_.value);
    deferred_.Resolve(result);
  }

  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  AsyncCall(Napi::Env env, std::function<Outcome()> run)
      : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), run_(std::move(run)) {}

  Napi::Promise::Deferred deferred_;
  std::function<Outcome()> run_;
  std::vector<Napi::ObjectReference> buffers_;
  Outcome outcome_;
};

}  // namespace snug
