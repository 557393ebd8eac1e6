#include "memory_breakdown.h"

#include <algorithm>
#include <map>

#include "failure.h"

namespace snug::llama {

#ifdef _WIN32
std::vector<BufferUse> memoryBreakdown(const Context&) {
  throw Failure(
      "LLAMA_UNAVAILABLE",
      "Exact memory figures are not available on Windows: llama.cpp exports them there under a C++ name only.");
}
#else

namespace {
// llama_memory_breakdown_data of llama-ext.h.
struct Breakdown {
  size_t model = 0;
  size_t context = 0;
  size_t compute = 0;
};
using BreakdownFunction = std::map<abi::BufferType*, Breakdown> (*)(const abi::Context*);
}  // namespace

std::vector<BufferUse> memoryBreakdown(const Context& context) {
  if (api().memory_breakdown == nullptr) {
    throw Failure("LLAMA_UNAVAILABLE", "Exact memory figures are not available: this llama.cpp does not export them.");
  }
  const auto function = reinterpret_cast<BreakdownFunction>(api().memory_breakdown);
  std::vector<BufferUse> uses;
  for (const auto& [type, bytes] : function(context.get())) {
    // Pinned host buffers belong to a GPU by their device, but are system memory.
    abi::Device* device = api().ggml_backend_buft_is_host(type) ? nullptr : api().ggml_backend_buft_get_device(type);
    uses.push_back({api().ggml_backend_buft_name(type), device, bytes.model, bytes.context, bytes.compute});
  }
  std::sort(uses.begin(), uses.end(),
            [](const BufferUse& a, const BufferUse& b) { return a.bufferType < b.bufferType; });
  return uses;
}
#endif

}  // namespace snug::llama
