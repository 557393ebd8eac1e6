// Sums of squares of the inputs of every weight, collected while llama.cpp runs a graph (llamacpp.md 4).
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "api.h"

namespace snug::llama {

struct InputSquares {
  std::string name;  // as in the file
  int64_t columns;
  int64_t slices;               // experts, or slices of a 3-D weight; 1 otherwise
  std::vector<double> sums;     // [slices, columns] sums of squares
  std::vector<int64_t> counts;  // [slices] rows
};

class InputSquaresCollector {
 public:
  // An eval callback of llama.cpp with the collector as user data. Exceptions must not cross C code: see `error`.
  static bool onNode(abi::Tensor* node, bool ask, void* collector);

  // To be called before every llama_decode: tensors of the last graph may be used again for other values.
  void beginGraph();

  // What went wrong in the callback, or empty.
  const std::string& error() const { return error_; }

  // In the order in which the graph runs them.
  const std::vector<InputSquares>& entries() const { return entries_; }

 private:
  // Rows of one input, reduced once and added to every weight that shares it.
  struct Reduced {
    const abi::Tensor* input = nullptr;
    const abi::Tensor* ids = nullptr;
    int64_t slices = 0;
    std::vector<double> sums;
    std::vector<int64_t> counts;
  };

  bool wants(const abi::Tensor* node) const;
  void take(const abi::Tensor* node);
  void reduceProduct(const abi::Tensor* weight, const abi::Tensor* input);
  void reduceExpertProduct(const abi::Tensor* weight, const abi::Tensor* input, const abi::Tensor* ids);
  void addRow(const char* row, int64_t slice, int64_t columns);
  void startReduced(const abi::Tensor* input, const abi::Tensor* ids, int64_t columns, int64_t slices);
  InputSquares& entryFor(const std::string& name, int64_t columns, int64_t slices);
  // Bytes of a tensor, copied from the device where they are not in system memory.
  const char* hostBytes(const abi::Tensor* tensor, std::vector<char>& copy) const;

  std::vector<InputSquares> entries_;
  std::unordered_map<std::string, size_t> index_;
  Reduced reduced_;
  std::vector<char> inputCopy_;
  std::vector<char> idsCopy_;
  std::string error_;
};

}  // namespace snug::llama
