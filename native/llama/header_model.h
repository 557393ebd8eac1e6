// A model of sizes only, from a GGUF whose weights may be missing.
#pragma once
#include <memory>
#include <string>

#include "session.h"

namespace snug::llama {

// Loads `path` without allocating. Where the file ends before its tensors do, llama.cpp gets a temporary sparse file
// with the header and the full length: so the loader takes the same path as for the whole file.
// (llama_model_init_from_user does not: it turns off repacked CPU buffers and lazily read tensors, and so reports other
// buffers than a real load.)
std::unique_ptr<Model> loadSizes(const std::string& path, const Settings& settings, Control& control);

}  // namespace snug::llama
