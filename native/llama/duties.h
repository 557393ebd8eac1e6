// The functions that addon.cc registers; each takes (options, control) and returns a promise. Types of both sides:
// src-main/llama-host/native/addon-types.ts.
#pragma once
#include <napi.h>

namespace snug::llama {

// Synchronous, for the start of the process.
Napi::Value open(const Napi::CallbackInfo& info);
Napi::Value loadBackend(const Napi::CallbackInfo& info);
Napi::Value devices(const Napi::CallbackInfo& info);

Napi::Value describe(const Napi::CallbackInfo& info);
Napi::Value tokenize(const Napi::CallbackInfo& info);
Napi::Value logProbs(const Napi::CallbackInfo& info);
Napi::Value compare(const Napi::CallbackInfo& info);
Napi::Value scoreContinuations(const Napi::CallbackInfo& info);
Napi::Value statistics(const Napi::CallbackInfo& info);
Napi::Value memory(const Napi::CallbackInfo& info);
Napi::Value quantize(const Napi::CallbackInfo& info);
Napi::Value vocabulary(const Napi::CallbackInfo& info);
Napi::Value generate(const Napi::CallbackInfo& info);
Napi::Value chatTemplate(const Napi::CallbackInfo& info);

// Starts a task of type T on (options, control).
template <typename T>
Napi::Value startTask(const Napi::CallbackInfo& info) {
  auto* task = new T(info.Env(), info[0].As<Napi::Object>(), info[1].As<Napi::Object>());
  return task->start();
}

}  // namespace snug::llama
