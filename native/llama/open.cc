// Start of the engine in this process: libraries, proof of layout, back ends, devices.
#include "duties.h"
#include "failure.h"
#include "layout_proof.h"
#include "log.h"
#include "session.h"
#include "task.h"

namespace snug::llama {
namespace {

// Throws a JS error with a code and the newest log lines.
[[noreturn]] void throwFailure(const Napi::Env& env, const std::string& code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Value().Set("code", code);
  error.Value().Set("log", recentLog());
  throw error;
}

std::vector<std::string> stringsOf(const Napi::Object& object, const char* key) {
  const auto list = object.Get(key).As<Napi::Array>();
  std::vector<std::string> strings;
  for (uint32_t i = 0; i < list.Length(); ++i) strings.push_back(list.Get(i).As<Napi::String>().Utf8Value());
  return strings;
}

}  // namespace

// { base, ggml, llama: paths of libraries, backendFolder, knownReleases: string[] } -> { release, ggmlVersion }
Napi::Value open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto options = info[0].As<Napi::Object>();
  try {
    Api found = openLibraries({stringOf(options, "base"), stringOf(options, "ggml"), stringOf(options, "llama")});
    proveLayout(found, stringsOf(options, "knownReleases"));
    installLog(found);
    found.ggml_backend_load_all_from_path(stringOf(options, "backendFolder").c_str());
    found.llama_backend_init();
    found.findCpuFunctions();
    installApi(found);
    const Napi::Object result = Napi::Object::New(env);
    result.Set("release", found.llama_version());
    result.Set("ggmlVersion", found.ggml_version());
    return result;
  } catch (const Failure& failure) {
    throwFailure(env, failure.code(), failure.what());
  } catch (const std::runtime_error& error) {
    throwFailure(env, "LLAMA_UNAVAILABLE", std::string("llama.cpp's libraries do not load: ") + error.what());
  }
}

// path of a back end's library -> { loaded, log }
Napi::Value loadBackend(const Napi::CallbackInfo& info) {
  clearRecentLog();
  const bool loaded = api().ggml_backend_load(info[0].As<Napi::String>().Utf8Value().c_str()) != nullptr;
  const Napi::Object result = Napi::Object::New(info.Env());
  result.Set("loaded", loaded);
  result.Set("log", recentLog());
  return result;
}

// -> [{ name, description, kind, totalBytes, freeBytes }]
Napi::Value devices(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Array list = Napi::Array::New(env);
  for (size_t i = 0; i < api().ggml_backend_dev_count(); ++i) {
    abi::Device* device = api().ggml_backend_dev_get(i);
    size_t free = 0;
    size_t total = 0;
    api().ggml_backend_dev_memory(device, &free, &total);
    const Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", api().ggml_backend_dev_name(device));
    entry.Set("description", api().ggml_backend_dev_description(device));
    entry.Set("kind", deviceKind(device));
    entry.Set("totalBytes", static_cast<double>(total));
    entry.Set("freeBytes", static_cast<double>(free));
    list.Set(static_cast<uint32_t>(i), entry);
  }
  return list;
}

}  // namespace snug::llama
