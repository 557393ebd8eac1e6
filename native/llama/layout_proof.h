// Proof that abi.h describes the loaded library, before the first struct crosses the border (llamacpp.md 2).
#pragma once
#include <string>
#include <vector>

#include "api.h"

namespace snug::llama {

// Checks release, struct sizes, default values, a tensor built by the library, and its overhead.
// Throws LLAMA_UNAVAILABLE that names the first thing that does not hold.
void proveLayout(const Api& api, const std::vector<std::string>& knownReleases);

}  // namespace snug::llama
