// Text to token ids and back.
#pragma once
#include <string>
#include <vector>

#include "session.h"

namespace snug::llama {

// Ids of `text` (UTF-8 bytes). Throws LLAMA_FAILED.
std::vector<int32_t> tokenizeText(const Model& model, const std::string& text, bool addSpecial, bool parseSpecial);

// Text of one token behind others, in bytes, as it may end inside a UTF-8 character; empty for control tokens.
std::string pieceOf(const Model& model, int32_t token);

}  // namespace snug::llama
