#include "header_model.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

#ifndef _WIN32
#include <unistd.h>
#endif

namespace snug::llama {
namespace {

struct Extent {
  size_t header;  // bytes before the first tensor
  size_t file;    // bytes of the whole file
};

Extent extentOf(const std::string& path) {
  abi::Gguf* gguf = api().gguf_init_from_file(path.c_str(), {true, nullptr});
  if (gguf == nullptr) throw Failure("LLAMA_FAILED", "llama.cpp cannot read the header of " + path + ".");
  Extent extent{api().gguf_get_data_offset(gguf), 0};
  extent.file = extent.header;
  for (int64_t i = 0; i < api().gguf_get_n_tensors(gguf); ++i) {
    const size_t end = extent.header + api().gguf_get_tensor_offset(gguf, i) + api().gguf_get_tensor_size(gguf, i);
    extent.file = std::max(extent.file, end);
  }
  api().gguf_free(gguf);
  return extent;
}

#ifndef _WIN32
struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

[[noreturn]] void throwTemporary() {
  throw Failure("LLAMA_FAILED", std::string("Cannot make a temporary file for sizes: ") + std::strerror(errno) + ".");
}

// An unnamed file of `extent.file` bytes that takes the disk space of its header only.
File sparseCopy(const std::string& path, const Extent& extent) {
  const File source(std::fopen(path.c_str(), "rb"));
  if (source == nullptr) throw Failure("LLAMA_FAILED", "Cannot open " + path + ": " + std::strerror(errno) + ".");
  std::vector<char> header(extent.header);
  const size_t read = std::fread(header.data(), 1, header.size(), source.get());  // the last padding may be missing
  File copy(std::tmpfile());
  if (copy == nullptr) throwTemporary();
  if (std::fwrite(header.data(), 1, read, copy.get()) != read || std::fflush(copy.get()) != 0) throwTemporary();
  if (ftruncate(fileno(copy.get()), static_cast<off_t>(extent.file)) != 0) throwTemporary();
  std::rewind(copy.get());
  return copy;
}
#endif

}  // namespace

std::unique_ptr<Model> loadSizes(const std::string& path, const Settings& settings, Control& control) {
  const Extent extent = extentOf(path);
  const bool whole = std::filesystem::file_size(std::filesystem::u8path(path)) >= extent.file;
  if (whole) return std::make_unique<Model>(path, Model::Kind::sizesOnly, settings, control);
#ifdef _WIN32
  throw Failure("LLAMA_UNAVAILABLE", "Sizes of a file without its weights are not available on Windows.");
#else
  const File copy = sparseCopy(path, extent);
  return std::make_unique<Model>(copy.get(), path, Model::Kind::sizesOnly, settings, control);
#endif
}

}  // namespace snug::llama
