#include "log.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>

namespace snug::llama {
namespace {

// Enough for the cause and what was being loaded; an error text, not a log file.
constexpr size_t kKeptLines = 40;

struct LogState {
  std::mutex mutex;
  std::deque<std::string> lines;
  std::string partial;
  std::string captured;
  bool capturing = false;
  bool echo = false;  // whether the line being written goes to stderr
  bool echoAll = false;
};

LogState& state() {
  static LogState only;
  return only;
}

void append(LogState& log, const char* text) {
  log.partial += text;
  for (size_t end = log.partial.find('\n'); end != std::string::npos; end = log.partial.find('\n')) {
    if (end > 0) log.lines.push_back(log.partial.substr(0, end));
    log.partial.erase(0, end + 1);
    if (log.lines.size() > kKeptLines) log.lines.pop_front();
  }
}

void onLog(int32_t level, const char* text, void*) {
  LogState& log = state();
  const std::lock_guard<std::mutex> lock(log.mutex);
  if (level != abi::kLogContinue) log.echo = log.echoAll || level == abi::kLogError;
  if (log.capturing)
    log.captured += text;
  else if (log.echo)
    std::fputs(text, stderr);
  append(log, text);
}

}  // namespace

void installLog(const Api& api) {
  const char* wish = std::getenv("SNUG_LLAMA_LOG");
  state().echoAll = wish != nullptr && std::strcmp(wish, "all") == 0;
  api.llama_log_set(onLog, nullptr);
}

std::string recentLog() {
  LogState& log = state();
  const std::lock_guard<std::mutex> lock(log.mutex);
  std::string text;
  for (const std::string& line : log.lines) text += line + "\n";
  return text + log.partial;
}

void clearRecentLog() {
  LogState& log = state();
  const std::lock_guard<std::mutex> lock(log.mutex);
  log.lines.clear();
  log.partial.clear();
}

LogCapture::LogCapture() {
  LogState& log = state();
  const std::lock_guard<std::mutex> lock(log.mutex);
  log.captured.clear();
  log.capturing = true;
}

LogCapture::~LogCapture() {
  LogState& log = state();
  const std::lock_guard<std::mutex> lock(log.mutex);
  log.capturing = false;
  log.captured.clear();
}

std::string LogCapture::text() const {
  LogState& log = state();
  const std::lock_guard<std::mutex> lock(log.mutex);
  return log.captured;
}

}  // namespace snug::llama
