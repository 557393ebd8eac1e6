#include "dynamic_library.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace snug {

#ifdef _WIN32
static std::wstring widen(const std::string& utf8) {
  const int length = MultiByteToWideChar(CP_UTF8, 0, utf8.c_str(), -1, nullptr, 0);
  std::wstring wide(static_cast<size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, utf8.c_str(), -1, wide.data(), length);
  return wide;
}

DynamicLibrary::DynamicLibrary(const std::string& path, bool) : path_(path) {
  // The library's own folder is searched for the libraries it needs.
  handle_ = LoadLibraryExW(widen(path).c_str(), nullptr, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
  if (handle_ == nullptr) throw std::runtime_error("cannot load " + path + ": error " + std::to_string(GetLastError()));
}

void* DynamicLibrary::find(const char* name) const {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(handle_), name));
}
#else
DynamicLibrary::DynamicLibrary(const std::string& path, bool global) : path_(path) {
  handle_ = dlopen(path.c_str(), RTLD_NOW | (global ? RTLD_GLOBAL : RTLD_LOCAL));
  if (handle_ == nullptr) throw std::runtime_error("cannot load " + path + ": " + dlerror());
}

void* DynamicLibrary::find(const char* name) const { return dlsym(handle_, name); }
#endif

}  // namespace snug
