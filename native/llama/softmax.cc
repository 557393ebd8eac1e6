#include "softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

// Lets comparisons become vector selects. It changes no value, only floating-point exception flags that nobody reads.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-trapping-math")
#endif

namespace snug::llama {
namespace {

// Compiled for the wide vector units of x86 too; the loader picks at run time.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define SNUG_CLONES __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#define SNUG_INLINE inline __attribute__((always_inline))
#else
#define SNUG_CLONES
#define SNUG_INLINE inline
#endif

constexpr int32_t kBlock = 512;
// Independent partial results, so that the compiler may vectorise without reordering sums.
constexpr int32_t kLanes = 16;
// exp of less is below float32's smallest normal number.
constexpr float kSmallestExponent = -87.0F;

// exp(x) for x <= 0, relative error below 2e-7. Cephes expf: x = n ln 2 + r, polynomial in r, then n into the exponent.
SNUG_INLINE float expNegative(float x) {
  x = x > kSmallestExponent ? x : kSmallestExponent;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  const float shifted = x * 1.44269504088896341F + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const int32_t exponent = (__builtin_bit_cast(int32_t, shifted) - __builtin_bit_cast(int32_t, kRound)) << 23;
  return __builtin_bit_cast(float, __builtin_bit_cast(int32_t, p) + exponent);
}

SNUG_INLINE double addLanes(const float* lanes) {
  double sum = 0.0;
  for (int32_t j = 0; j < kLanes; ++j) sum += static_cast<double>(lanes[j]);
  return sum;
}

struct Peak {
  float max;
  bool hasNan;
};

SNUG_CLONES Peak findPeak(const float* logits, int32_t count) {
  float max[kLanes];
  int32_t nan[kLanes] = {};
  std::fill_n(max, kLanes, -std::numeric_limits<float>::infinity());
  const int32_t whole = count - count % kLanes;
  for (int32_t i = 0; i < whole; i += kLanes) {
    for (int32_t j = 0; j < kLanes; ++j) {
      const float value = logits[i + j];
      max[j] = value > max[j] ? value : max[j];
      nan[j] |= value != value ? 1 : 0;
    }
  }
  Peak peak{max[0], false};
  for (int32_t j = 0; j < kLanes; ++j) {
    peak.max = std::max(peak.max, max[j]);
    peak.hasNan = peak.hasNan || nan[j] != 0;
  }
  for (int32_t i = whole; i < count; ++i) {
    peak.max = std::max(peak.max, logits[i]);
    peak.hasNan = peak.hasNan || logits[i] != logits[i];
  }
  return peak;
}

// Sum of exp(logits - max).
SNUG_CLONES double sumExponentials(const float* logits, int32_t count, float max) {
  double total = 0.0;
  for (int32_t start = 0; start < count; start += kBlock) {
    const int32_t end = std::min(count, start + kBlock);
    const int32_t whole = end - (end - start) % kLanes;
    float lanes[kLanes] = {};
    for (int32_t i = start; i < whole; i += kLanes) {
      for (int32_t j = 0; j < kLanes; ++j) lanes[j] += expNegative(logits[i + j] - max);
    }
    for (int32_t i = whole; i < end; ++i) lanes[0] += expNegative(logits[i] - max);
    total += addLanes(lanes);
  }
  return total;
}

struct PairSums {
  double reference = 0.0;   // sum of exp(a), a = reference - its max
  double candidate = 0.0;   // sum of exp(b), b = candidate - its max
  double difference = 0.0;  // sum of exp(a) (a - b)
};

// A logit so far below the peak (or -infinity) has no probability; bounded so that 0 x infinity cannot arise.
constexpr float kLowestLogit = -1e4F;

SNUG_INLINE void addPair(float a, float b, float& sumA, float& sumB, float& difference) {
  a = a > kLowestLogit ? a : kLowestLogit;
  b = b > kLowestLogit ? b : kLowestLogit;
  const float expA = expNegative(a);
  sumA += expA;
  sumB += expNegative(b);
  difference += expA * (a - b);
}

SNUG_CLONES PairSums sumPair(const float* reference, const float* candidate, int32_t count, float maxA, float maxB) {
  PairSums total;
  for (int32_t start = 0; start < count; start += kBlock) {
    const int32_t end = std::min(count, start + kBlock);
    const int32_t whole = end - (end - start) % kLanes;
    float sumA[kLanes] = {};
    float sumB[kLanes] = {};
    float difference[kLanes] = {};
    for (int32_t i = start; i < whole; i += kLanes) {
      for (int32_t j = 0; j < kLanes; ++j) {
        addPair(reference[i + j] - maxA, candidate[i + j] - maxB, sumA[j], sumB[j], difference[j]);
      }
    }
    for (int32_t i = whole; i < end; ++i) {
      addPair(reference[i] - maxA, candidate[i] - maxB, sumA[0], sumB[0], difference[0]);
    }
    total.reference += addLanes(sumA);
    total.candidate += addLanes(sumB);
    total.difference += addLanes(difference);
  }
  return total;
}

int32_t indexOf(const float* logits, int32_t count, float value) {
  return static_cast<int32_t>(std::find(logits, logits + count, value) - logits);
}

RowSum rowSum(const float* logits, int32_t count, const Peak& peak, double sum) {
  if (peak.hasNan) return {0, peak.max, std::numeric_limits<double>::quiet_NaN()};
  return {indexOf(logits, count, peak.max), peak.max, std::log(sum)};
}

}  // namespace

RowSum sumRow(const float* logits, int32_t count) {
  const Peak peak = findPeak(logits, count);
  return rowSum(logits, count, peak, sumExponentials(logits, count, peak.max));
}

RowComparison compareRows(const float* reference, const float* candidate, int32_t count) {
  const Peak peakA = findPeak(reference, count);
  const Peak peakB = findPeak(candidate, count);
  const PairSums sums = sumPair(reference, candidate, count, peakA.max, peakB.max);
  RowComparison result;
  result.reference = rowSum(reference, count, peakA, sums.reference);
  result.candidate = rowSum(candidate, count, peakB, sums.candidate);
  result.kld = sums.difference / sums.reference - result.reference.logSumExp + result.candidate.logSumExp;
  return result;
}

void parallelFor(int32_t count, int32_t threads, const std::function<void(int32_t)>& body) {
  const int32_t used = std::max(1, std::min(threads, count));
  const auto share = [&](int32_t thread) {
    for (int32_t i = thread; i < count; i += used) body(i);
  };
  std::vector<std::thread> others;
  for (int32_t thread = 1; thread < used; ++thread) others.emplace_back(share, thread);
  share(0);
  for (std::thread& other : others) other.join();
}

}  // namespace snug::llama
