// Blocks of rows handed to threads in order. Results do not depend on the number of threads: a block is always
// computed whole, by one thread, and the lowest fault wins.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace snug {

struct RowRange {
  int64_t first;
  int64_t rows;
};

// What a kernel found. `element` counts from the start of the given buffer.
struct Outcome {
  enum class Status { kDone, kCancelled, kNonFinite, kInvalid };
  Status status = Status::kDone;
  int64_t element = -1;
  double value = 0;
};

// The flag of a caller that may give up: any value but 0 cancels. nullptr = cannot be cancelled.
using CancelFlag = int32_t*;

inline bool isCancelled(CancelFlag cancel) {
  return cancel != nullptr && std::atomic_ref<int32_t>(*cancel).load(std::memory_order_relaxed) != 0;
}

// llama.cpp's size of one piece of work: 16,384 elements, at least one row (llama-quant.cpp, min_chunk_size).
inline int64_t rowsPerBlock(int64_t columns) {
  constexpr int64_t kElements = 32 * 512;
  return std::max<int64_t>(1, (kElements + columns - 1) / columns);
}

// Runs `process` on every block of [0, rows), blocks in ascending order, none across a multiple of `rowsPerSlice`
// (counted from `firstRow`, the position of row 0). `makeProcess` gives each thread its own function and scratch
// memory. Blocks below a fault are always finished, so the reported fault is the lowest one.
inline Outcome forEachBlock(int64_t rows, int64_t blockRows, int64_t firstRow, int64_t rowsPerSlice, int threads,
                            CancelFlag cancel, const std::function<std::function<Outcome(RowRange)>()>& makeProcess) {
  std::mutex mutex;
  int64_t next = 0;
  Outcome result;
  std::exception_ptr failure;

  const auto take = [&](RowRange& range) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (isCancelled(cancel)) result.status = Outcome::Status::kCancelled;
    if (result.status != Outcome::Status::kDone || failure || next >= rows) return false;
    const int64_t toSliceEnd = rowsPerSlice - (firstRow + next) % rowsPerSlice;
    range = {next, std::min({rows - next, blockRows, toSliceEnd})};
    next += range.rows;
    return true;
  };
  const auto report = [&](const Outcome& outcome) {
    const std::lock_guard<std::mutex> lock(mutex);
    const bool isLower = result.status == Outcome::Status::kDone || outcome.element < result.element;
    if (result.status != Outcome::Status::kCancelled && isLower) result = outcome;
  };
  const auto work = [&] {
    try {
      const auto process = makeProcess();
      RowRange range{};
      while (take(range)) {
        const Outcome outcome = process(range);
        if (outcome.status != Outcome::Status::kDone) report(outcome);
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      failure = std::current_exception();
    }
  };

  const int64_t blocks = (rows + blockRows - 1) / blockRows;
  std::vector<std::thread> helpers;
  try {
    for (int64_t i = 1; i < std::min<int64_t>(threads, blocks); ++i) helpers.emplace_back(work);
  } catch (const std::system_error&) {
    // The system gives no more threads: those that started do the same work.
  }
  work();
  for (std::thread& helper : helpers) helper.join();
  if (failure) std::rethrow_exception(failure);
  return result;
}

}  // namespace snug
