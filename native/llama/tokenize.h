// Text to token ids.
#pragma once
#include <string>
#include <vector>

#include "session.h"

namespace snug::llama {

// Ids of `text` (UTF-8 bytes). Throws LLAMA_FAILED.
std::vector<int32_t> tokenizeText(const Model& model, const std::string& text, bool addSpecial, bool parseSpecial);

}  // namespace snug::llama
