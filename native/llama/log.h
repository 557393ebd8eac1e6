// llama.cpp's log: the newest lines are kept as error text, errors go to stderr too.
#pragma once
#include <string>

#include "api.h"

namespace snug::llama {

// Routes the log of llama and ggml here. With SNUG_LLAMA_LOG=all every line reaches stderr.
void installLog(const Api& api);

// The newest lines since `clearRecentLog`, oldest first.
std::string recentLog();
void clearRecentLog();

// Collects all text that is logged while it lives, and keeps it from stderr. One at a time.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  std::string text() const;
};

}  // namespace snug::llama
