// Memory per buffer type of a context: what it holds, or would hold when it was made without allocation.
#pragma once
#include <string>
#include <vector>

#include "session.h"

namespace snug::llama {

struct BufferUse {
  std::string bufferType;
  abi::Device* device;  // null for system memory
  size_t model;         // bytes of weights
  size_t context;       // bytes of the KV cache and recurrent state
  size_t compute;       // bytes of temporary buffers
};

// Sorted by name of the buffer type. Throws LLAMA_UNAVAILABLE on Windows, where the function has no C name.
std::vector<BufferUse> memoryBreakdown(const Context& context);

}  // namespace snug::llama
