// ggml's tensor types and quantisers from the libggml-base that node-llama-cpp ships: opened at run time, layout proved
// before use. Declarations follow ggml/include/ggml.h of llama.cpp v0.4.0 (ggml 0.23.0).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dynamic_library.h"

namespace snug {

using ToFloat = void (*)(const void* source, float* output, int64_t elements);

// One tensor type. A block of `blockSize` elements takes `typeSize` bytes.
struct GgmlType {
  int id;
  std::string name;
  int64_t blockSize;
  int64_t typeSize;
  bool isQuantized;
  bool canQuantize;
  bool canDequantize;
  bool requiresImportance;
  ToFloat toFloat;  // nullptr where ggml has none: F32, F64 and integers

  int64_t bytesOf(int64_t elements) const { return elements / blockSize * typeSize; }
};

// Type numbers of the GGUF format, which never change meaning.
inline constexpr int kTypeF32 = 0;
inline constexpr int kTypeF16 = 1;
inline constexpr int kTypeF64 = 28;
inline constexpr int kTypeBF16 = 30;

class GgmlLibrary {
 public:
  // Throws std::runtime_error when the library does not load, is of an unknown version, or fails the layout proof.
  explicit GgmlLibrary(const std::string& path);

  const std::string& version() const { return version_; }
  const std::vector<GgmlType>& types() const { return types_; }

  // Throws std::runtime_error for a number that is no type of this library.
  const GgmlType& type(int id) const;

  // Builds the tables that some types need, once per process: 3 s for IQ2_XS or IQ1_M, nothing for most types. While it
  // runs, every quantisation of the process waits for ggml's lock.
  void prepare(int id) const { quantizeInit_(id); }

  // `rows` rows of `columns` float32 to `output`; `importance` [columns] or nullptr. Thread-safe. Returns bytes
  // written.
  size_t quantize(int id, const float* source, void* output, int64_t rows, int64_t columns,
                  const float* importance) const {
    return quantizeChunk_(id, source, output, 0, rows, columns, importance);
  }

  // False when a block holds a scale that is not finite (the reason goes to stderr).
  bool validate(int id, const void* rows, size_t bytes) const { return validateRowData_(id, rows, bytes); }

 private:
  void proveAndReadTypes(int count);

  DynamicLibrary library_;
  std::string version_;
  std::vector<GgmlType> types_;
  void (*quantizeInit_)(int type);
  size_t (*quantizeChunk_)(int type, const float* source, void* output, int64_t start, int64_t rows, int64_t columns,
                           const float* importance);
  bool (*validateRowData_)(int type, const void* data, size_t bytes);
};

}  // namespace snug
