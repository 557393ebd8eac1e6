#include "fallback_eigen.h"

#include <cmath>
#include <limits>
#include <vector>

#include "per_processor.h"
#include "reflectors.h"

namespace snug {
namespace {

template <typename T>
struct Tridiagonal {
  std::vector<T> diagonal;  // [n]
  std::vector<T> beside;    // [n]; beside[i] links i and i + 1, the last one is 0
  std::vector<T> taus;      // [n - 1]; reflector k lies in row k of the reduced matrix, from column k + 1
};

// One step: takes row k of the symmetric matrix (upper triangle) to tridiagonal form, with everything below it.
template <typename T>
void reduceRow(T* a, int64_t n, int64_t k, Tridiagonal<T>& result, std::vector<T>& w) {
  const int64_t rest = n - k - 1;
  T* v = a + k * n + k + 1;
  result.diagonal[k] = a[k * n + k];
  const Reflector<T> reflector = makeReflector(v, rest);
  result.beside[k] = reflector.head;
  result.taus[k] = reflector.tau;
  if (reflector.tau == 0) return;
  // w = tau A v, from one pass over the triangle.
  std::fill_n(w.begin(), rest, T{0});
  for (int64_t i = 0; i < rest; ++i) {
    const T* row = a + (k + 1 + i) * n + k + 1;
    w[i] += row[i] * v[i] + addScaledAndDot(v[i], row + i + 1, w.data() + i + 1, v + i + 1, rest - i - 1);
  }
  for (int64_t i = 0; i < rest; ++i) w[i] *= reflector.tau;
  addScaled(-reflector.tau / 2 * dot(w.data(), v, rest), v, w.data(), rest);
  // A - v wᵀ - w vᵀ = H A H
  for (int64_t i = 0; i < rest; ++i) {
    subtractTwo(v[i], w.data() + i, w[i], v + i, a + (k + 1 + i) * n + k + 1 + i, rest - i);
  }
}

// Row i of `basis` becomes column i of H_0 H_1 ..., which takes tridiagonal vectors to those of the matrix.
template <typename T>
Outcome formBasis(const T* reduced, const std::vector<T>& taus, T* basis, const FallbackEigenRequest<T>& request) {
  const int64_t n = request.size;
  return forEachBlock(n, 8, 0, n, request.threads, request.cancel, [&] {
    return [&](RowRange range) -> Outcome {
      for (int64_t i = range.first; i < range.first + range.rows; ++i) {
        std::fill_n(basis + i * n, n, T{0});
        basis[i * n + i] = 1;
      }
      // Reflectors outside, so that each is read once for all rows of the block; those after row i leave it alone.
      for (int64_t k = range.first + range.rows - 2; k >= 0; --k) {
        for (int64_t i = std::max(range.first, k + 1); i < range.first + range.rows; ++i) {
          reflect(reduced + k * n + k + 1, taus[k], basis + i * n + k + 1, n - k - 1);
        }
      }
      return {};
    };
  });
}

// Turns rows i and i + 1 of the basis.
template <typename T>
struct Rotation {
  int64_t row;
  T cosine, sine;
};

// Components that are turned together: 1024 rows of them fit a second-level cache.
constexpr int64_t kSlice = 32;

template <typename T>
SNUG_INLINE void rotateSliceOf(const Rotation<T>* rotations, size_t count, T* basis, int64_t n, int64_t width) {
  for (size_t r = 0; r < count; ++r) {
    const T cosine = rotations[r].cosine;
    const T sine = rotations[r].sine;
    T* __restrict upper = basis + rotations[r].row * n;
    T* __restrict lower = upper + n;
    for (int64_t j = 0; j < width; ++j) {
      const T below = lower[j];
      lower[j] = sine * upper[j] + cosine * below;
      upper[j] = cosine * upper[j] - sine * below;
    }
  }
}

// The loader picks by function: templates cannot be compiled per processor, what they are inlined in can.
SNUG_PER_PROCESSOR void rotateSlice(const Rotation<double>* rotations, size_t count, double* basis, int64_t n,
                                    int64_t width) {
  rotateSliceOf(rotations, count, basis, n, width);
}
SNUG_PER_PROCESSOR void rotateSlice(const Rotation<float>* rotations, size_t count, float* basis, int64_t n,
                                    int64_t width) {
  rotateSliceOf(rotations, count, basis, n, width);
}

template <typename T>
Outcome rotate(std::vector<Rotation<T>>& rotations, const FallbackEigenRequest<T>& request) {
  const int64_t n = request.size;
  const Outcome outcome = forEachBlock(n, kSlice, 0, n, request.threads, request.cancel, [&] {
    return [&](RowRange slice) -> Outcome {
      rotateSlice(rotations.data(), rotations.size(), request.matrix + slice.first, n, slice.rows);
      return {};
    };
  });
  rotations.clear();
  return outcome;
}

// One implicit QL sweep over the unreduced part [first, last] with Wilkinson's shift.
template <typename T>
void sweep(std::vector<T>& d, std::vector<T>& e, int64_t first, int64_t last, std::vector<Rotation<T>>& rotations) {
  T g = (d[first + 1] - d[first]) / (2 * e[first]);
  g = d[last] - d[first] + e[first] / (g + std::copysign(std::hypot(g, T{1}), g));
  T cosine = 1, sine = 1, shift = 0;
  for (int64_t i = last - 1; i >= first; --i) {
    const T f = sine * e[i];
    const T b = cosine * e[i];
    T r = std::hypot(f, g);
    e[i + 1] = r;
    if (r == 0) {  // split in the middle: finish in the next sweep
      d[i + 1] -= shift;
      e[last] = 0;
      return;
    }
    sine = f / r;
    cosine = g / r;
    g = d[i + 1] - shift;
    r = (d[i] - g) * sine + 2 * cosine * b;
    shift = sine * r;
    d[i + 1] = g + shift;
    g = cosine * r - b;
    rotations.push_back({i, cosine, sine});
  }
  d[first] -= shift;
  e[first] = g;
  e[last] = 0;
}

// Diagonalises the tridiagonal matrix and turns the basis along.
template <typename T>
Outcome diagonalise(Tridiagonal<T>& matrix, const FallbackEigenRequest<T>& request) {
  // tql2 allows 30; each eigenvalue takes 1.7 sweeps on average.
  constexpr int kMostSweeps = 60;
  constexpr T kEpsilon = std::numeric_limits<T>::epsilon();
  const int64_t n = request.size;
  std::vector<T>& d = matrix.diagonal;
  std::vector<T>& e = matrix.beside;
  std::vector<Rotation<T>> rotations;
  for (int64_t first = 0; first < n; ++first) {
    for (int count = 0;; ++count) {
      int64_t last = first;
      while (last < n - 1 && !(std::fabs(e[last]) <= kEpsilon * (std::fabs(d[last]) + std::fabs(d[last + 1])))) ++last;
      if (last == first) break;
      if (count == kMostSweeps) return {Outcome::Status::kInvalid, first, e[first]};
      sweep(d, e, first, last, rotations);
      if (static_cast<int64_t>(rotations.size()) < 8 * n) continue;
      const Outcome outcome = rotate(rotations, request);
      if (outcome.status != Outcome::Status::kDone) return outcome;
    }
  }
  return rotate(rotations, request);
}

}  // namespace

template <typename T>
Outcome fallbackEigen(const FallbackEigenRequest<T>& request) {
  const int64_t n = request.size;
  std::vector<T> reduced(request.matrix, request.matrix + n * n);
  Tridiagonal<T> tridiagonal{std::vector<T>(n), std::vector<T>(n), std::vector<T>(n)};
  std::vector<T> w(n);
  for (int64_t k = 0; k < n - 1; ++k) {
    if (isCancelled(request.cancel)) return {Outcome::Status::kCancelled};
    reduceRow(reduced.data(), n, k, tridiagonal, w);
  }
  tridiagonal.diagonal[n - 1] = reduced[n * n - 1];
  Outcome outcome = formBasis(reduced.data(), tridiagonal.taus, request.matrix, request);
  if (outcome.status == Outcome::Status::kDone) outcome = diagonalise(tridiagonal, request);
  std::copy(tridiagonal.diagonal.begin(), tridiagonal.diagonal.end(), request.values);
  return outcome;
}

template Outcome fallbackEigen(const FallbackEigenRequest<double>&);
template Outcome fallbackEigen(const FallbackEigenRequest<float>&);

}  // namespace snug
