#include "reflectors.h"

#include <algorithm>
#include <cmath>

#include "per_processor.h"

namespace snug {
namespace {

// Sums that do not wait for each other; without them a compiler keeps the order of one long sum.
constexpr int64_t kSums = 16;

template <typename T>
SNUG_INLINE T total(const T* sums) {
  T result = 0;
  for (int64_t i = 0; i < kSums; ++i) result += sums[i];
  return result;
}

template <typename T>
SNUG_INLINE T dotOf(const T* x, const T* y, int64_t count) {
  T sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (int64_t j = 0; j < kSums; ++j) sums[j] += x[i + j] * y[i + j];
  }
  for (; i < count; ++i) sums[0] += x[i] * y[i];
  return total(sums);
}

template <typename T>
SNUG_INLINE void addScaledOf(T factor, const T* __restrict x, T* __restrict y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] += factor * x[i];
}

template <typename T>
SNUG_INLINE T addScaledAndDotOf(T factor, const T* __restrict x, T* __restrict y, const T* __restrict z, int64_t count) {
  T sums[kSums] = {};
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

template <typename T>
SNUG_INLINE void subtractTwoOf(T a, const T* __restrict y, T b, const T* __restrict z, T* __restrict x, int64_t count) {
  for (int64_t i = 0; i < count; ++i) x[i] -= a * y[i] + b * z[i];
}

}  // namespace

// The loader picks by function: templates cannot be compiled per processor, what they are inlined in can.
#define SNUG_LOOPS(T)                                                                                      \
  SNUG_PER_PROCESSOR T dot(const T* x, const T* y, int64_t count) { return dotOf(x, y, count); }           \
  SNUG_PER_PROCESSOR void addScaled(T factor, const T* x, T* y, int64_t count) {                           \
    addScaledOf(factor, x, y, count);                                                                      \
  }                                                                                                        \
  SNUG_PER_PROCESSOR T addScaledAndDot(T factor, const T* x, T* y, const T* z, int64_t count) {            \
    return addScaledAndDotOf(factor, x, y, z, count);                                                      \
  }                                                                                                        \
  SNUG_PER_PROCESSOR void subtractTwo(T a, const T* y, T b, const T* z, T* x, int64_t count) {             \
    subtractTwoOf(a, y, b, z, x, count);                                                                   \
  }

SNUG_LOOPS(double)
SNUG_LOOPS(float)

template <typename T>
Reflector<T> makeReflector(T* x, int64_t count) {
  // Divided by the largest element, so that squares neither overflow nor vanish.
  T largest = 0;
  for (int64_t i = 1; i < count; ++i) largest = std::max(largest, std::fabs(x[i]));
  const T first = x[0];
  x[0] = 1;
  if (largest == 0) return {0, first};
  largest = std::max(largest, std::fabs(first));
  for (int64_t i = 1; i < count; ++i) x[i] /= largest;
  const T start = first / largest;
  const T head = -std::copysign(std::sqrt(start * start + dot(x + 1, x + 1, count - 1)), start);
  for (int64_t i = 1; i < count; ++i) x[i] /= start - head;
  return {(head - start) / head, head * largest};
}

template Reflector<double> makeReflector(double*, int64_t);
template Reflector<float> makeReflector(float*, int64_t);

}  // namespace snug
