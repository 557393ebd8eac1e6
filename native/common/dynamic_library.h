// A shared library opened at run time: nothing is linked, so the addon starts without it.
#pragma once
#include <stdexcept>
#include <string>

namespace snug {

class DynamicLibrary {
 public:
  // `global` makes the library's symbols visible to libraries opened later (ggml-base before ggml before llama).
  // Throws std::runtime_error with the loader's own words.
  explicit DynamicLibrary(const std::string& path, bool global = false);

  // Address of a symbol, or nullptr.
  void* find(const char* name) const;

  // Address of a symbol; throws std::runtime_error that names it when it is missing.
  template <typename Function>
  Function require(const char* name) const {
    void* address = find(name);
    if (address == nullptr) throw std::runtime_error("symbol " + std::string(name) + " is missing in " + path_);
    return reinterpret_cast<Function>(address);
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  void* handle_;  // never closed: back ends keep threads and thread-local state alive until the process ends
};

}  // namespace snug
