// Calls of a LAPACK while it is kept on a number of threads.
#pragma once
#include "linear_algebra.h"

namespace snug {

// The outcome of `call(library)` with the execution's LAPACK on `threads` of its own, or kCancelled where another
// number was in use until a cancel. See LapackLibrary::Threads.
template <typename Call>
Outcome withLapackThreads(int threads, const Execution& execution, const Call& call) {
  const LapackLibrary::Threads held(*execution.lapack, threads, execution.cancel);
  if (!held.areHeld()) return {Outcome::Status::kCancelled};
  return call(*execution.lapack);
}

// As withLapackThreads, on as many threads as a problem of n rows deserves.
template <typename Call>
Outcome withLapackThreadsFor(int64_t n, const Execution& execution, const Call& call) {
  return withLapackThreads(n < kLeastSizeForThreads ? 1 : execution.threads, execution, call);
}

}  // namespace snug
