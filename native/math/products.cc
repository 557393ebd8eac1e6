// Products: general, and of a matrix with its own transpose.
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "fallback_gemm.h"
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
  execution.lapack->setThreads(1);
  const double byTime = kBlockOperations / std::max(1.0, operationsPerRow);
  const double byThreads = static_cast<double>(rows) / (threads == 1 ? 1 : threads * 4);
  const int64_t blockRows = std::max(kLeastBlockRows, static_cast<int64_t>(std::min(byTime, byThreads)));
  return forEachBlock(rows, blockRows, 0, rows, threads, execution.cancel, [&] {
    return [&](RowRange range) -> Outcome {
      process(range);
      return {};
    };
  });
}

// The upper triangle of output [size, size] = valuesᵀ values.
template <typename T>
Outcome upperGram(const T* values, int64_t rows, int64_t size, T* output, const Execution& execution) {
  if (execution.lapack != nullptr) {
    const LapackLibrary& lapack = *execution.lapack;
    const double operations = static_cast<double>(rows) * static_cast<double>(size);
    return forRowBlocks(size, operations, execution, [&](RowRange block) {
      // Row-major [rows, size] is column-major [size, rows]; the upper triangle of one is the lower one of the other.
      const int64_t end = block.first + block.rows;
      T* corner = output + block.first * size;
      lapack.syrk(block.rows, rows, values + block.first, corner + block.first, size);
      if (end == size) return;
      lapack.gemm(false, true, size - end, block.rows, rows, values + end, size, values + block.first, size,
                  corner + end, size);
    });
  }
  FallbackProduct<T> product{size, rows, size, {values, 1, size}, {values, size, 1}, output, size};
  product.upperOnly = true;
  product.threads = execution.threads;
  product.cancel = execution.cancel;
  return fallbackGemm(product);
}

// NaN and infinity of a column, and squares that overflow, show in the diagonal: only then all values are looked at.
template <typename T>
Outcome findFault(const T* sums, const float* values, int64_t rows, int64_t size) {
  for (int64_t j = 0; j < size; ++j) {
    if (std::isfinite(sums[j * size + j])) continue;
    for (int64_t element = 0; element < rows * size; ++element) {
      if (!std::isfinite(values[element])) return {Outcome::Status::kNonFinite, element, values[element]};
    }
    return {Outcome::Status::kNonFinite, j, static_cast<double>(sums[j * size + j])};
  }
  return {};
}

template <typename T>
Outcome addChunk(const float* values, int64_t rows, const GramRequest& request, std::vector<T>& sums,
                 const Execution& execution) {
  const int64_t size = request.size;
  Outcome outcome;
  if constexpr (std::is_same_v<T, double>) {
    const std::vector<double> widened(values, values + rows * size);
    outcome = upperGram(widened.data(), rows, size, sums.data(), execution);
  } else {
    outcome = upperGram(values, rows, size, sums.data(), execution);
  }
  if (outcome.status != Outcome::Status::kDone) return outcome;
  outcome = findFault(sums.data(), values, rows, size);
  if (outcome.status != Outcome::Status::kDone) return outcome;
  for (int64_t i = 0; i < size; ++i) {
    const T* from = sums.data() + i * size;
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

template <typename T>
Outcome addChunks(const GramRequest& request, const Execution& execution) {
  std::vector<T> sums(static_cast<size_t>(request.size * request.size));
  for (int64_t first = 0; first < request.rows; first += request.chunkRows) {
    if (isCancelled(execution.cancel)) return {Outcome::Status::kCancelled};
    const int64_t rows = std::min(request.chunkRows, request.rows - first);
    Outcome outcome = addChunk<T>(request.values + first * request.size, rows, request, sums, execution);
    if (outcome.element >= 0) outcome.element += first * request.size;
    if (outcome.status != Outcome::Status::kDone) return outcome;
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
                           request.transposeA ? request.rows : request.inner,
                           request.output + block.first * request.columns, request.columns);
  });
}

template Outcome multiply(const ProductRequest<float>&, const Execution&);
template Outcome multiply(const ProductRequest<double>&, const Execution&);

Outcome accumulateGram(const GramRequest& request, const Execution& execution) {
  return request.isDouble ? addChunks<double>(request, execution) : addChunks<float>(request, execution);
}

double distanceFromOrthonormal(const double* matrix, int64_t rows, int64_t columns, const Execution& execution) {
  std::vector<double> products(static_cast<size_t>(columns * columns));
  upperGram(matrix, rows, columns, products.data(), execution);
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
