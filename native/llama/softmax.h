// Softmax figures of logit rows, exact to about 1e-7 nats over vocabularies of 300,000 entries.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

namespace snug::llama {

struct RowSum {
  int32_t top;       // index of the largest logit, the first of equals
  float max;         // the largest logit
  double logSumExp;  // log of the sum of exp(logit - max); NaN when a logit is NaN
};

// `logits` [count] float32. exp sums in float32 over blocks of 512, blocks in float64.
RowSum sumRow(const float* logits, int32_t count);

// Log-probability of `token`.
inline double logProbability(const RowSum& sum, const float* logits, int32_t token) {
  return static_cast<double>(logits[token] - sum.max) - sum.logSumExp;
}

struct RowComparison {
  RowSum reference;
  RowSum candidate;
  double kld;  // KL(reference || candidate) in nats
};

// `reference` and `candidate` [count] float32 logits over the same vocabulary.
RowComparison compareRows(const float* reference, const float* candidate, int32_t count);

// Calls body(i) for i in [0, count) on up to `threads` threads, the caller's among them.
void parallelFor(int32_t count, int32_t threads, const std::function<void(int32_t)>& body);

}  // namespace snug::llama
