// Token windows as they come from JS: copied once, so that no JS memory is touched on other threads.
#pragma once
#include <napi.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "session.h"

namespace snug::llama {

using TokenWindow = std::vector<int32_t>;

inline TokenWindow windowFrom(const Napi::Value& value) {
  const auto array = value.As<Napi::Int32Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

inline std::vector<TokenWindow> windowsFrom(const Napi::Object& object, const char* key) {
  const auto list = object.Get(key).As<Napi::Array>();
  std::vector<TokenWindow> windows;
  for (uint32_t i = 0; i < list.Length(); ++i) windows.push_back(windowFrom(list.Get(i)));
  return windows;
}

inline int32_t lengthOf(const TokenWindow& window) { return static_cast<int32_t>(window.size()); }

inline uint32_t longest(const std::vector<TokenWindow>& windows) {
  size_t length = 1;
  for (const TokenWindow& window : windows) length = std::max(length, window.size());
  return static_cast<uint32_t>(length);
}

inline double totalTokens(const std::vector<TokenWindow>& windows) {
  double total = 0;
  for (const TokenWindow& window : windows) total += static_cast<double>(window.size());
  return total;
}

}  // namespace snug::llama
