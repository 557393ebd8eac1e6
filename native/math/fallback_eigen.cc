#include "fallback_eigen.h"

#include <cmath>
#include <limits>
#include <vector>

#include "per_processor.h"
#include "reflectors.h"

namespace snug {
namespace {

struct Tridiagonal {
  std::vector<double> diagonal;  // [n]
  std::vector<double> beside;    // [n]; beside[i] links i and i + 1, the last one is 0
  std::vector<double> taus;      // [n - 1]; reflector k lies in row k of the reduced matrix, from column k + 1
};

// One step: takes row k of the symmetric matrix (upper triangle) to tridiagonal form, with everything below it.
void reduceRow(double* a, int64_t n, int64_t k, Tridiagonal& result, std::vector<double>& w) {
  const int64_t rest = n - k - 1;
  double* v = a + k * n + k + 1;
  result.diagonal[k] = a[k * n + k];
  const Reflector reflector = makeReflector(v, rest);
  result.beside[k] = reflector.head;
  result.taus[k] = reflector.tau;
  if (reflector.tau == 0) return;
  // w = tau A v, from one pass over the triangle.
  std::fill_n(w.begin(), rest, 0.0);
  for (int64_t i = 0; i < rest; ++i) {
    const double* row = a + (k + 1 + i) * n + k + 1;
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
Outcome formBasis(const double* reduced, const std::vector<double>& taus, double* basis,
                  const FallbackEigenRequest& request) {
  const int64_t n = request.size;
  return forEachBlock(n, 8, 0, n, request.threads, request.cancel, [&] {
    return [&](RowRange range) -> Outcome {
      for (int64_t i = range.first; i < range.first + range.rows; ++i) {
        std::fill_n(basis + i * n, n, 0.0);
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
struct Rotation {
  int64_t row;
  double cosine, sine;
};

// Components that are turned together: 1024 rows of them fit a second-level cache.
constexpr int64_t kSlice = 32;

SNUG_PER_PROCESSOR void rotateSlice(const Rotation* rotations, size_t count, double* basis, int64_t n, int64_t width) {
  for (size_t r = 0; r < count; ++r) {
    const double cosine = rotations[r].cosine;
    const double sine = rotations[r].sine;
    double* __restrict upper = basis + rotations[r].row * n;
    double* __restrict lower = upper + n;
    for (int64_t j = 0; j < width; ++j) {
      const double below = lower[j];
      lower[j] = sine * upper[j] + cosine * below;
      upper[j] = cosine * upper[j] - sine * below;
    }
  }
}

Outcome rotate(std::vector<Rotation>& rotations, const FallbackEigenRequest& request) {
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
void sweep(std::vector<double>& d, std::vector<double>& e, int64_t first, int64_t last,
           std::vector<Rotation>& rotations) {
  double g = (d[first + 1] - d[first]) / (2 * e[first]);
  g = d[last] - d[first] + e[first] / (g + std::copysign(std::hypot(g, 1.0), g));
  double cosine = 1, sine = 1, shift = 0;
  for (int64_t i = last - 1; i >= first; --i) {
    const double f = sine * e[i];
    const double b = cosine * e[i];
    double r = std::hypot(f, g);
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
Outcome diagonalise(Tridiagonal& matrix, const FallbackEigenRequest& request) {
  // tql2 allows 30; each eigenvalue takes 1.7 sweeps on average.
  constexpr int kMostSweeps = 60;
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  const int64_t n = request.size;
  std::vector<double>& d = matrix.diagonal;
  std::vector<double>& e = matrix.beside;
  std::vector<Rotation> rotations;
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

Outcome fallbackEigen(const FallbackEigenRequest& request) {
  const int64_t n = request.size;
  std::vector<double> reduced(request.matrix, request.matrix + n * n);
  Tridiagonal tridiagonal{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n)};
  std::vector<double> w(n);
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

}  // namespace snug
