#include "api.h"

#include <cstring>
#include <optional>

#include "dynamic_library.h"
#include "failure.h"

namespace snug::llama {

// Itanium mangling of llama_get_memory_breakdown(const llama_context*); Microsoft's has the return type in it.
constexpr const char* kMemoryBreakdown = "_Z26llama_get_memory_breakdownPK13llama_context";

// Types and operations that we look up lie below these numbers in every known release; the tables behind the name
// functions are longer, so that looking is safe.
constexpr int32_t kTypeSearchEnd = 31;
constexpr int32_t kOperationSearchEnd = 64;

static int32_t findOperation(const Api& found, const char* name) {
  for (int32_t op = 0; op < kOperationSearchEnd; ++op) {
    const char* candidate = found.ggml_op_name(op);
    if (candidate != nullptr && std::strcmp(candidate, name) == 0) return op;
  }
  throw Failure("LLAMA_UNAVAILABLE", std::string("This llama.cpp has no operation ") + name + ".");
}

int32_t Api::typeNumber(const std::string& name) const {
  for (int32_t type = 0; type < kTypeSearchEnd; ++type) {
    const char* candidate = ggml_type_name(type);
    if (candidate != nullptr && name == candidate) return type;
  }
  throw Failure("LLAMA_FAILED", "This llama.cpp has no type " + name + ".");
}

void Api::findCpuFunctions() {
  for (size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    abi::Device* device = ggml_backend_dev_get(i);
    if (ggml_backend_dev_type(device) != abi::kDeviceCpu) continue;
    abi::Registry* registry = ggml_backend_dev_backend_reg(device);
    const auto find = [&](const char* name) { return ggml_backend_reg_get_proc_address(registry, name); };
    threadpool_new = reinterpret_cast<decltype(threadpool_new)>(find("ggml_threadpool_new"));
    threadpool_free = reinterpret_cast<decltype(threadpool_free)>(find("ggml_threadpool_free"));
    if (threadpool_new != nullptr && threadpool_free != nullptr) return;
  }
  throw Failure("LLAMA_UNAVAILABLE", "llama.cpp's libraries have no CPU back end for this machine.");
}

Api openLibraries(const LibraryPaths& paths) {
  const DynamicLibrary base(paths.base);
  const DynamicLibrary ggml(paths.ggml);
  const DynamicLibrary llama(paths.llama);
  Api found;
#define SNUG_FIND(library, result, name, parameters) found.name = library.require<result(*) parameters>(#name);
  SNUG_LLAMA_FUNCTIONS(SNUG_FIND)
#undef SNUG_FIND
  found.memory_breakdown = llama.find(kMemoryBreakdown);
  found.op_mul_mat = findOperation(found, "MUL_MAT");
  found.op_mul_mat_id = findOperation(found, "MUL_MAT_ID");
  return found;
}

static std::optional<Api> installed;

const Api& api() {
  if (!installed) throw Failure("LLAMA_UNAVAILABLE", "The libraries of llama.cpp are not loaded.");
  return *installed;
}

void installApi(const Api& proved) { installed = proved; }

}  // namespace snug::llama
