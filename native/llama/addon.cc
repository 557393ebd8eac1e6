// Registers the functions of the llama room; what they take and give: src-main/llama-host/native/addon-types.ts.
#include "duties.h"

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  using namespace snug::llama;
  exports.Set("open", Napi::Function::New<open>(env));
  exports.Set("loadBackend", Napi::Function::New<loadBackend>(env));
  exports.Set("devices", Napi::Function::New<devices>(env));
  exports.Set("describe", Napi::Function::New<describe>(env));
  exports.Set("tokenize", Napi::Function::New<tokenize>(env));
  exports.Set("logProbs", Napi::Function::New<logProbs>(env));
  exports.Set("compare", Napi::Function::New<compare>(env));
  exports.Set("scoreContinuations", Napi::Function::New<scoreContinuations>(env));
  exports.Set("statistics", Napi::Function::New<statistics>(env));
  exports.Set("memory", Napi::Function::New<memory>(env));
  exports.Set("quantize", Napi::Function::New<quantize>(env));
  exports.Set("vocabulary", Napi::Function::New<vocabulary>(env));
  exports.Set("generate", Napi::Function::New<generate>(env));
  exports.Set("chatTemplate", Napi::Function::New<chatTemplate>(env));
  return exports;
}

NODE_API_MODULE(snug_llama, init)
