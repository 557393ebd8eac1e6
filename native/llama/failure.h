// Errors of this room, with the code that the TypeScript side turns into an AppError.
#pragma once
#include <stdexcept>
#include <string>

namespace snug::llama {

class Failure : public std::runtime_error {
 public:
  Failure(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

// The caller's cancel flag was seen.
class Cancelled : public Failure {
 public:
  Cancelled() : Failure("CANCELLED", "Cancelled.") {}
};

}  // namespace snug::llama
