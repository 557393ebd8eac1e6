// Eigenvalues and vectors of a symmetric matrix, with a measure of how right they are.
#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "fallback_eigen.h"
#include "lapack_threads.h"
#include "linear_algebra.h"

namespace snug {
namespace {

// The power of two that brings the largest element near 1: without it, squares of very large or small ones are lost.
template <typename Request>
double scaleOf(const Request& request) {
  double largest = 0;
  for (int64_t i = 0; i < request.size; ++i) {
    for (int64_t j = i; j < request.size; ++j) {
      largest = std::max(largest, std::fabs(request.matrix[i * request.size + j]));
    }
  }
  int exponent = 0;
  if (largest > 0) std::frexp(largest, &exponent);
  return std::ldexp(1, std::clamp(exponent, -1000, 1000));
}

void transposeInPlace(double* matrix, int64_t n) {
  constexpr int64_t kTile = 32;
  for (int64_t top = 0; top < n; top += kTile) {
    for (int64_t left = top; left < n; left += kTile) {
      for (int64_t i = top; i < std::min(top + kTile, n); ++i) {
        for (int64_t j = std::max(left, i + 1); j < std::min(left + kTile, n); ++j) {
          std::swap(matrix[i * n + j], matrix[j * n + i]);
        }
      }
    }
  }
}

// From vectors in rows, in any order, to columns in descending order of value with a positive largest component.
void arrange(const EigenRequest& request) {
  const int64_t n = request.size;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t largest = std::max_element(request.values + i, request.values + n) - request.values;
    double* row = request.vectors + i * n;
    if (largest != i) {
      std::swap(request.values[i], request.values[largest]);
      std::swap_ranges(row, row + n, request.vectors + largest * n);
    }
    const double* peak = std::max_element(row, row + n, [](double a, double b) { return std::fabs(a) < std::fabs(b); });
    if (*peak < 0) std::transform(row, row + n, row, [](double value) { return -value; });
  }
  transposeInPlace(request.vectors, n);
}

// Signs that depend on nothing but their number (Marsaglia's xorshift64).
std::vector<double> seededSigns(int64_t count) {
  std::vector<double> signs(static_cast<size_t>(count));
  uint64_t state = 0x9e3779b97f4a7c15;
  for (double& sign : signs) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    sign = (state >> 63) != 0 ? 1 : -1;
  }
  return signs;
}

// ‖A V - V Λ‖ / ‖A‖ in Frobenius norms. The upper one is estimated as the mean of ‖(A V - V Λ) z‖² over 8 vectors z of
// signs: its expectation is exact, and any wrong value or vector shows in every z. O(n²) instead of O(n³).
double residualOf(const EigenRequest& request, double scale, const Execution& execution) {
  constexpr int64_t kProbes = 8;
  const int64_t n = request.size;
  const std::vector<double> signs = seededSigns(n * kProbes);
  std::vector<double> valued(signs), turned(signs.size()), residual(signs.size());
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t p = 0; p < kProbes; ++p) valued[i * kProbes + p] *= request.values[i] / scale;
  }
  const Execution untilDone{execution.lapack, execution.threads, nullptr};
  const auto byVectors = [&](const std::vector<double>& from, std::vector<double>& to) {
    multiply(ProductRequest<double>{n, n, kProbes, request.vectors, from.data(), false, false, to.data()}, untilDone);
  };
  byVectors(signs, turned);
  byVectors(valued, residual);
  double norm = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = i; j < n; ++j) {
      const double element = request.matrix[i * n + j] / scale;
      norm += element * element * (i == j ? 1 : 2);
      for (int64_t p = 0; p < kProbes; ++p) {
        residual[i * kProbes + p] -= element * turned[j * kProbes + p];
        if (i != j) residual[j * kProbes + p] -= element * turned[i * kProbes + p];
      }
    }
  }
  double sum = 0;
  for (const double value : residual) sum += value * value / kProbes;
  return norm == 0 ? std::sqrt(sum) : std::sqrt(sum / norm);
}

// Of an eigenproblem's INFO: 0, or how many values did not converge.
Outcome outcomeOf(int64_t info) {
  return info == 0 ? Outcome{} : Outcome{Outcome::Status::kInvalid, info, static_cast<double>(info)};
}

// Vectors in rows and values, in any order, over a scaled matrix in double or float.
template <typename T>
Outcome solve(int64_t n, T* matrix, T* values, const Execution& execution) {
  if (execution.lapack == nullptr)
    return fallbackEigen(FallbackEigenRequest<T>{n, matrix, values, execution.threads, execution.cancel});
  return withLapackThreadsFor(n, execution, [&](const LapackLibrary& lapack) {
    // The upper triangle is the lower one of a column-major matrix, whose columns are rows here.
    return outcomeOf(lapack.syevd(n, matrix, values));
  });
}

Outcome solveInFloat(const EigenRequest& request, const Execution& execution) {
  const int64_t n = request.size;
  std::vector<float> vectors(request.vectors, request.vectors + n * n), values(static_cast<size_t>(n));
  const Outcome outcome = solve(n, vectors.data(), values.data(), execution);
  std::copy(vectors.begin(), vectors.end(), request.vectors);
  std::copy(values.begin(), values.end(), request.values);
  return outcome;
}

// From a scaled copy of the upper triangle to eigenvalues of it, over the copy.
Outcome scaledValues(const EigenvaluesRequest& request, double scale, const Execution& execution) {
  const int64_t n = request.size;
  std::vector<double> copy(static_cast<size_t>(n * n));
  std::transform(request.matrix, request.matrix + n * n, copy.begin(), [=](double value) { return value / scale; });
  if (execution.lapack == nullptr)
    return fallbackEigen(
        FallbackEigenRequest<double>{n, copy.data(), request.values, execution.threads, execution.cancel});
  return withLapackThreadsFor(n, execution, [&](const LapackLibrary& lapack) {
    return outcomeOf(lapack.syevdValues(n, copy.data(), request.values));
  });
}

// Trace and Frobenius norm are sums of the eigenvalues and of their squares: a wrong value shows in them. O(n²)
double momentsError(const EigenvaluesRequest& request, double scale) {
  const int64_t n = request.size;
  double trace = 0, norm = 0, sum = 0, sizes = 0, squares = 0;
  for (int64_t i = 0; i < n; ++i) {
    trace += request.matrix[i * (n + 1)] / scale;
    for (int64_t j = i; j < n; ++j) {
      const double element = request.matrix[i * n + j] / scale;
      norm += element * element * (i == j ? 1 : 2);
    }
    sum += request.values[i];
    sizes += std::fabs(request.values[i]);
    squares += request.values[i] * request.values[i];
  }
  const auto relative = [](double error, double size) { return size == 0 ? std::fabs(error) : std::fabs(error) / size; };
  return std::max(relative(sum - trace, sizes), relative(squares - norm, norm));
}

}  // namespace

Outcome eigenvaluesSymmetric(const EigenvaluesRequest& request, const Execution& execution) {
  const int64_t n = request.size;
  const Outcome cancelled{Outcome::Status::kCancelled};
  if (isCancelled(execution.cancel)) return cancelled;
  const double scale = scaleOf(request);
  const Outcome outcome = scaledValues(request, scale, execution);
  if (outcome.status != Outcome::Status::kDone) return outcome;
  if (isCancelled(execution.cancel)) return cancelled;
  std::sort(request.values, request.values + n, std::greater<>());
  request.quality[0] = momentsError(request, scale);
  std::transform(request.values, request.values + n, request.values, [=](double value) { return value * scale; });
  return {};
}

Outcome eigenSymmetric(const EigenRequest& request, const Execution& execution) {
  const int64_t n = request.size;
  const Outcome cancelled{Outcome::Status::kCancelled};
  if (isCancelled(execution.cancel)) return cancelled;
  const double scale = scaleOf(request);
  std::transform(request.matrix, request.matrix + n * n, request.vectors, [=](double value) { return value / scale; });
  const Outcome outcome =
      request.isDouble ? solve(n, request.vectors, request.values, execution) : solveInFloat(request, execution);
  if (outcome.status != Outcome::Status::kDone) return outcome;
  if (isCancelled(execution.cancel)) return cancelled;
  std::transform(request.values, request.values + n, request.values, [=](double value) { return value * scale; });
  arrange(request);
  request.quality[0] = distanceFromOrthonormal(request.vectors, n, n, execution);
  request.quality[1] = residualOf(request, scale, execution);
  return isCancelled(execution.cancel) ? cancelled : Outcome{};
}

}  // namespace snug
