// Products: general, and of a matrix with its own transpose.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "fallback_gemm.h"
#include "lapack_threads.h"
#include "linear_algebra.h"

namespace snug {
namespace {

// About 0.05 s on two current cores: how long a cancel may wait for a block of rows.
constexpr double kBlockOperations = 4e9;

// Below this, packing the other factor anew for each block shows.
constexpr int64_t kLeastBlockRows = 128;

// A BLAS of several threads splits each call into equal parts and waits for the last one: on two cores that others use
// as well, a Gram took 90 ms on two threads and 5 ms on one. So it is called on one thread per block, and our threads
// take blocks as they get to them. A library whose threads cannot be set has all blocks in turn.
template <typename Process>
Outcome forRowBlocks(int64_t rows, double operationsPerRow, const Execution& execution, const Process& process) {
  const int threads = execution.lapack->canSetThreads() ? execution.threads : 1;
  const double byTime = kBlockOperations / std::max(1.0, operationsPerRow);
  const double byThreads = static_cast<double>(rows) / (threads == 1 ? 1 : threads * 4);
  const int64_t blockRows = std::max(kLeastBlockRows, static_cast<int64_t>(std::min(byTime, byThreads)));
  return withLapackThreads(1, execution, [&](const LapackLibrary&) {
    return forEachBlock(rows, blockRows, 0, rows, threads, execution.cancel, [&] {
      return [&](RowRange range) -> Outcome {
        process(range);
        return {};
      };
    });
  });
}

// The upper triangle of output [size, size] = valuesᵀ values, or += that.
template <typename T>
Outcome upperGram(const T* values, int64_t rows, int64_t size, Output into, T* output, const Execution& execution) {
  if (execution.lapack != nullptr) {
    const LapackLibrary& lapack = *execution.lapack;
    const double operations = static_cast<double>(rows) * static_cast<double>(size);
    const T beta = into == Output::kAddedTo ? 1 : 0;
    return forRowBlocks(size, operations, execution, [&](RowRange block) {
      // Row-major [rows, size] is column-major [size, rows]; the upper triangle of one is the lower one of the other.
      const int64_t end = block.first + block.rows;
      T* corner = output + block.first * size;
      lapack.syrk(block.rows, rows, values + block.first, beta, corner + block.first, size);
      if (end == size) return;
      lapack.gemm(false, true, size - end, block.rows, rows, values + end, size, values + block.first, size,
                  beta, corner + end, size);
    });
  }
  FallbackProduct<T> product{size, rows, size, {values, 1, size}, {values, size, 1}, output, size};
  product.upperOnly = true;
  product.into = into;
  product.threads = execution.threads;
  product.cancel = execution.cancel;
  return fallbackGemm(product);
}

// Elements that a thread widens at a time.
constexpr int64_t kWidenedElements = 64 * 1024;

// output = values in double; the fault is the first value that is not finite.
Outcome widen(const float* values, int64_t count, double* output, const Execution& execution) {
  return forEachBlock(count, kWidenedElements, 0, count, execution.threads, execution.cancel, [&] {
    return [&](RowRange range) -> Outcome {
      const int64_t end = range.first + range.rows;
      bool isFinite = true;
      for (int64_t i = range.first; i < end; ++i) {
        output[i] = values[i];
        isFinite &= std::fabs(values[i]) <= std::numeric_limits<float>::max();
      }
      if (isFinite) return {};
      const float* fault = std::find_if_not(values + range.first, values + end, [](float x) { return std::isfinite(x); });
      return {Outcome::Status::kNonFinite, fault - values, *fault};
    };
  });
}

// gram += valuesᵀ values, all in double. A fault is found before anything is added.
Outcome addWidened(const float* values, int64_t rows, const GramRequest& request, double* widened,
                   const Execution& execution) {
  const Outcome outcome = widen(values, rows * request.size, widened, execution);
  if (outcome.status != Outcome::Status::kDone) return outcome;
  return upperGram(widened, rows, request.size, Output::kAddedTo, request.gram, execution);
}

// NaN and infinity of a column, and squares that overflow, show in the diagonal: only then all values are looked at.
Outcome findFault(const float* sums, const float* values, int64_t rows, int64_t size) {
  for (int64_t j = 0; j < size; ++j) {
    if (std::isfinite(sums[j * size + j])) continue;
    for (int64_t element = 0; element < rows * size; ++element) {
      if (!std::isfinite(values[element])) return {Outcome::Status::kNonFinite, element, values[element]};
    }
    return {Outcome::Status::kNonFinite, j, sums[j * size + j]};
  }
  return {};
}

// gram += valuesᵀ values, where that sum is made in float.
Outcome addSums(const float* values, int64_t rows, const GramRequest& request, float* sums, const Execution& execution) {
  const int64_t size = request.size;
  Outcome outcome = upperGram(values, rows, size, Output::kOverwritten, sums, execution);
  if (outcome.status != Outcome::Status::kDone) return outcome;
  outcome = findFault(sums, values, rows, size);
  if (outcome.status != Outcome::Status::kDone) return outcome;
  for (int64_t i = 0; i < size; ++i) {
    const float* from = sums + i * size;
    double* to = request.gram + i * size;
    if (request.isFloatSum) {
      // A double holds the sum of two floats so closely that rounding it is the addition of floats.
      for (int64_t j = i; j < size; ++j) to[j] = static_cast<float>(to[j] + static_cast<double>(from[j]));
    } else {
      for (int64_t j = i; j < size; ++j) to[j] += static_cast<double>(from[j]);
    }
  }
  return {};
}

}  // namespace

template <typename T>
Outcome multiply(const ProductRequest<T>& request, const Execution& execution) {
  const auto& [rows, inner, columns, a, b, transposeA, transposeB, output] = request;
  if (execution.lapack == nullptr) {
    FallbackProduct<T> product{rows,   inner,  columns, MatrixView<T>{a, inner, 1}, MatrixView<T>{b, columns, 1},
                               output, columns};
    if (transposeA) product.a = {a, 1, rows};
    if (transposeB) product.b = {b, 1, inner};
    product.threads = execution.threads;
    product.cancel = execution.cancel;
    return fallbackGemm(product);
  }
  const double operationsPerRow = 2.0 * static_cast<double>(inner) * static_cast<double>(columns);
  return forRowBlocks(rows, operationsPerRow, execution, [&](RowRange block) {
    // Column-major, the same memory holds the transposes: outputᵀ = op(b)ᵀ op(a)ᵀ.
    execution.lapack->gemm(request.transposeB, request.transposeA, request.columns, block.rows, request.inner, request.b,
                           request.transposeB ? request.inner : request.columns,
                           request.transposeA ? request.a + block.first : request.a + block.first * request.inner,
                           request.transposeA ? request.rows : request.inner, 0,
                           request.output + block.first * request.columns, request.columns);
  });
}

template Outcome multiply(const ProductRequest<float>&, const Execution&);
template Outcome multiply(const ProductRequest<double>&, const Execution&);

Outcome accumulateGram(const GramRequest& request, const Execution& execution) {
  const int64_t chunkRows = std::min(request.chunkRows, request.rows);
  std::unique_ptr<double[]> widened;
  std::vector<float> sums;
  if (request.isDouble) {
    widened = std::make_unique_for_overwrite<double[]>(static_cast<size_t>(chunkRows * request.size));
  } else {
    sums.resize(static_cast<size_t>(request.size * request.size));
  }
  for (int64_t first = 0; first < request.rows; first += chunkRows) {
    if (isCancelled(execution.cancel)) return {Outcome::Status::kCancelled};
    const int64_t rows = std::min(chunkRows, request.rows - first);
    const float* values = request.values + first * request.size;
    Outcome outcome = request.isDouble ? addWidened(values, rows, request, widened.get(), execution)
                                       : addSums(values, rows, request, sums.data(), execution);
    if (outcome.element >= 0) outcome.element += first * request.size;
    if (outcome.status != Outcome::Status::kDone) return outcome;
  }
  return {};
}

double distanceFromOrthonormal(const double* matrix, int64_t rows, int64_t columns, const Execution& execution) {
  std::vector<double> products(static_cast<size_t>(columns * columns));
  upperGram(matrix, rows, columns, Output::kOverwritten, products.data(), execution);
  double largest = 0;
  for (int64_t i = 0; i < columns; ++i) {
    for (int64_t j = i; j < columns; ++j) {
      const double distance = std::fabs(products[static_cast<size_t>(i * columns + j)] - (i == j ? 1 : 0));
      if (std::isnan(distance)) return distance;
      largest = std::max(largest, distance);
    }
  }
  return largest;
}

}  // namespace snug
