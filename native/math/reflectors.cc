#include "reflectors.h"

#include <algorithm>
#include <cmath>

#include "per_processor.h"

namespace snug {
namespace {

// Sums that do not wait for each other; without them a compiler keeps the order of one long sum.
constexpr int64_t kSums = 16;

SNUG_INLINE double total(const double* sums) {
  double result = 0;
  for (int64_t i = 0; i < kSums; ++i) result += sums[i];
  return result;
}

}  // namespace

SNUG_PER_PROCESSOR double dot(const double* x, const double* y, int64_t count) {
  double sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (int64_t j = 0; j < kSums; ++j) sums[j] += x[i + j] * y[i + j];
  }
  for (; i < count; ++i) sums[0] += x[i] * y[i];
  return total(sums);
}

SNUG_PER_PROCESSOR void addScaled(double factor, const double* __restrict x, double* __restrict y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] += factor * x[i];
}

SNUG_PER_PROCESSOR double addScaledAndDot(double factor, const double* __restrict x, double* __restrict y,
                                          const double* __restrict z, int64_t count) {
  double sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (int64_t j = 0; j < kSums; ++j) {
      y[i + j] += factor * x[i + j];
      sums[j] += x[i + j] * z[i + j];
    }
  }
  for (; i < count; ++i) {
    y[i] += factor * x[i];
    sums[0] += x[i] * z[i];
  }
  return total(sums);
}

SNUG_PER_PROCESSOR void subtractTwo(double a, const double* __restrict y, double b, const double* __restrict z,
                                    double* __restrict x, int64_t count) {
  for (int64_t i = 0; i < count; ++i) x[i] -= a * y[i] + b * z[i];
}

Reflector makeReflector(double* x, int64_t count) {
  // Divided by the largest element, so that squares neither overflow nor vanish.
  double largest = 0;
  for (int64_t i = 1; i < count; ++i) largest = std::max(largest, std::fabs(x[i]));
  const double first = x[0];
  x[0] = 1;
  if (largest == 0) return {0, first};
  largest = std::max(largest, std::fabs(first));
  for (int64_t i = 1; i < count; ++i) x[i] /= largest;
  const double start = first / largest;
  const double head = -std::copysign(std::sqrt(start * start + dot(x + 1, x + 1, count - 1)), start);
  for (int64_t i = 1; i < count; ++i) x[i] /= start - head;
  return {(head - start) / head, head * largest};
}

void reflect(const double* v, double tau, double* x, int64_t count) {
  if (tau != 0) addScaled(-tau * dot(v, x, count), v, x, count);
}

}  // namespace snug
