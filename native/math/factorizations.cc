// Cholesky solve and Householder QR.
#include <algorithm>
#include <cmath>
#include <vector>

#include "fallback_gemm.h"
#include "lapack_threads.h"
#include "linear_algebra.h"
#include "reflectors.h"

namespace snug {
namespace {

// Rows or columns that are worked on one by one before a product takes the rest along.
constexpr int64_t kBlock = 64;

// The pivot that stopped a factorisation A = UᵀU at `index`: U is whole in the rows before it. Libraries leave
// different things in its place, so it is computed again: a_kk - ‖U⁻ᵀ a_k‖². O(size²)
Outcome badPivot(const CholeskyRequest& request, const double* upper, int64_t index) {
  const int64_t n = request.size;
  std::vector<double> column(static_cast<size_t>(index + 1));
  for (int64_t i = 0; i <= index; ++i) column[i] = request.matrix[i * n + index];
  for (int64_t i = 0; i < index; ++i) {
    column[i] /= upper[i * n + i];
    for (int64_t j = i + 1; j < index; ++j) column[j] -= upper[i * n + j] * column[i];
    column[index] -= column[i] * column[i];
  }
  return {Outcome::Status::kInvalid, index, column[index]};
}

struct Fallback {
  int64_t size;
  const Execution& execution;

  // output [rows, columns] -= a b, leading dimension `stride`.
  Outcome subtract(const FallbackProduct<double>& product) const {
    FallbackProduct<double> whole = product;
    whole.into = Output::kSubtractedFrom;
    whole.threads = execution.threads;
    whole.cancel = execution.cancel;
    return fallbackGemm(whole);
  }

  // A = UᵀU over the upper triangle of `a`; element of kInvalid = the pivot's index.
  Outcome factor(double* a) const {
    const int64_t n = size;
    for (int64_t first = 0; first < n; first += kBlock) {
      const int64_t last = std::min(first + kBlock, n);
      for (int64_t i = first; i < last; ++i) {
        double* row = a + i * n;
        if (!(row[i] > 0)) return {Outcome::Status::kInvalid, i, row[i]};
        const double root = std::sqrt(row[i]);
        for (int64_t j = i; j < n; ++j) row[j] /= root;
        for (int64_t k = i + 1; k < last; ++k) addScaled(-row[k], row + k, a + k * n + k, n - k);
      }
      const MatrixView<double> right{a + first * n + last, n, 1};
      FallbackProduct<double> product{n - last, last - first, n - last, right.transposed(), right, a + last * n + last, n};
      product.upperOnly = true;
      const Outcome outcome = subtract(product);
      if (outcome.status != Outcome::Status::kDone) return outcome;
    }
    return {};
  }

  // b [size, columns] = U⁻¹ U⁻ᵀ b
  Outcome solve(const double* u, double* b, int64_t columns) const {
    const int64_t n = size;
    for (int64_t first = 0; first < n; first += kBlock) {
      const int64_t last = std::min(first + kBlock, n);
      for (int64_t i = first; i < last; ++i) {
        for (int64_t j = 0; j < columns; ++j) b[i * columns + j] /= u[i * n + i];
        for (int64_t k = i + 1; k < last; ++k) addScaled(-u[i * n + k], b + i * columns, b + k * columns, columns);
      }
      const Outcome outcome = subtract({n - last, last - first, columns, {u + first * n + last, 1, n},
                                        {b + first * columns, columns, 1}, b + last * columns, columns});
      if (outcome.status != Outcome::Status::kDone) return outcome;
    }
    for (int64_t first = (n - 1) / kBlock * kBlock; first >= 0; first -= kBlock) {
      const int64_t last = std::min(first + kBlock, n);
      const Outcome outcome = subtract({last - first, n - last, columns, {u + first * n + last, n, 1},
                                        {b + last * columns, columns, 1}, b + first * columns, columns});
      if (outcome.status != Outcome::Status::kDone) return outcome;
      for (int64_t i = last - 1; i >= first; --i) {
        for (int64_t k = i + 1; k < last; ++k) addScaled(-u[i * n + k], b + k * columns, b + i * columns, columns);
        for (int64_t j = 0; j < columns; ++j) b[i * columns + j] /= u[i * n + i];
      }
    }
    return {};
  }
};

// A = LLᵀ over the lower triangle of a [n, n], column-major; element of kInvalid = the pivot's index.
Outcome factorWithLapack(int64_t n, double* a, const Execution& execution) {
  return withLapackThreadsFor(n, execution, [&](const LapackLibrary& lapack) -> Outcome {
    const int64_t info = lapack.potrf(n, a);
    if (info < 0) throw std::runtime_error("LAPACK refused an argument of Cholesky: info " + std::to_string(info));
    if (info > 0) return {Outcome::Status::kInvalid, info - 1};
    return {};
  });
}

// Right sides that are solved between two looks at the cancel flag.
constexpr int64_t kMostSolvedColumns = 1024;
constexpr int64_t kLeastSolvedColumns = 64;

// Our threads take blocks of right sides, each with the library on one thread (see products.cc).
Outcome solveWithLapack(const CholeskyRequest& request, const double* factor, const Execution& execution) {
  const int threads = execution.lapack->canSetThreads() ? execution.threads : 1;
  const int64_t block = std::clamp(request.columns / (threads * 4), kLeastSolvedColumns, kMostSolvedColumns);
  return withLapackThreads(1, execution, [&](const LapackLibrary& lapack) {
    return forEachBlock(request.columns, block, 0, request.columns, threads, execution.cancel, [&] {
      return [&](RowRange columns) -> Outcome {
        // Column-major, `solution` is [columns, size] and its rows are the right sides: Xᵀ = Bᵀ L⁻ᵀ L⁻¹.
        for (const bool transpose : {true, false}) {
          lapack.solveRight(transpose, columns.rows, request.size, factor, request.solution + columns.first,
                            request.columns);
        }
        return {};
      };
    });
  });
}

// Applies reflectors [first, last) of `columns` (one per row, from its own index) to row i.
void reflectRow(const std::vector<double>& columns, const std::vector<double>& taus, int64_t length, RowRange reflectors,
                double* row) {
  for (int64_t k = reflectors.first; k < reflectors.first + reflectors.rows; ++k) {
    reflect(columns.data() + k * length + k, taus[k], row + k, length - k);
  }
}

// QR over `columns` [n, m], the transpose of the matrix: row k keeps reflector k, `heads` its diagonal element of R.
// The elements of R above the diagonal go into request.r. Then `q` [n, m] takes the transposed orthonormal factor.
Outcome factorByReflectors(const QrRequest& request, std::vector<double>& columns, std::vector<double>& heads,
                           std::vector<double>& q, const Execution& execution) {
  const int64_t m = request.rows;
  const int64_t n = request.columns;
  std::vector<double> taus(static_cast<size_t>(n));
  const auto forRows = [&](int64_t count, const auto& process) {
    return forEachBlock(count, 4, 0, std::max<int64_t>(count, 1), execution.threads, execution.cancel, [&] {
      return [&](RowRange range) -> Outcome {
        for (int64_t i = range.first; i < range.first + range.rows; ++i) process(i);
        return {};
      };
    });
  };
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t last = std::min(first + kBlock, n);
    for (int64_t k = first; k < last; ++k) {
      double* row = columns.data() + k * m;
      reflectRow(columns, taus, m, {first, k - first}, row);
      for (int64_t i = 0; i < k; ++i) request.r[i * n + k] = row[i];
      const Reflector<double> reflector = makeReflector(row + k, m - k);
      taus[k] = reflector.tau;
      heads[k] = reflector.head;
    }
    const Outcome outcome = forRows(n - last, [&](int64_t i) {
      reflectRow(columns, taus, m, {first, last - first}, columns.data() + (last + i) * m);
    });
    if (outcome.status != Outcome::Status::kDone) return outcome;
  }
  return forRows(n, [&](int64_t i) {
    q[i * m + i] = 1;
    for (int64_t k = i; k >= 0; --k) reflect(columns.data() + k * m + k, taus[k], q.data() + i * m + k, m - k);
  });
}

Outcome factorQrWithLapack(const QrRequest& request, std::vector<double>& columns, std::vector<double>& heads,
                         const Execution& execution) {
  const int64_t m = request.rows;
  const int64_t n = request.columns;
  std::vector<double> taus(static_cast<size_t>(n));
  // Many small steps, between which threads would wait: n = 1024 took 0.2 s on one thread and 3 s on two busy cores.
  return withLapackThreads(1, execution, [&](const LapackLibrary& lapack) -> Outcome {
    int64_t info = lapack.geqrf(m, n, columns.data(), taus.data());
    for (int64_t k = 0; k < n; ++k) {
      heads[k] = columns[k * m + k];
      for (int64_t i = 0; i < k; ++i) request.r[i * n + k] = columns[k * m + i];
    }
    if (isCancelled(execution.cancel)) return {Outcome::Status::kCancelled};
    if (info == 0) info = lapack.orgqr(m, n, columns.data(), taus.data());
    if (info != 0) throw std::runtime_error("LAPACK refused an argument of QR: info " + std::to_string(info));
    return {};
  });
}

}  // namespace

Outcome solveCholesky(const CholeskyRequest& request, const Execution& execution) {
  const int64_t n = request.size;
  std::vector<double> factor(request.matrix, request.matrix + n * n);
  if (isCancelled(execution.cancel)) return {Outcome::Status::kCancelled};
  if (execution.lapack != nullptr) {
    // The upper triangle is the lower one of a column-major matrix: L = Uᵀ lies where U does.
    const Outcome outcome = factorWithLapack(n, factor.data(), execution);
    if (outcome.status == Outcome::Status::kInvalid) return badPivot(request, factor.data(), outcome.element);
    if (outcome.status != Outcome::Status::kDone) return outcome;
    return solveWithLapack(request, factor.data(), execution);
  }
  const Fallback fallback{n, execution};
  const Outcome outcome = fallback.factor(factor.data());
  if (outcome.status == Outcome::Status::kInvalid) return badPivot(request, factor.data(), outcome.element);
  if (outcome.status != Outcome::Status::kDone) return outcome;
  return fallback.solve(factor.data(), request.solution, request.columns);
}

Outcome factorQr(const QrRequest& request, const Execution& execution) {
  const int64_t m = request.rows;
  const int64_t n = request.columns;
  std::vector<double> columns(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) columns[j * m + i] = request.matrix[i * n + j];
  }
  std::fill_n(request.r, n * n, 0.0);
  std::vector<double> heads(static_cast<size_t>(n));
  std::vector<double> q(execution.lapack == nullptr ? columns.size() : 0);
  const Outcome outcome = execution.lapack == nullptr ? factorByReflectors(request, columns, heads, q, execution)
                                                      : factorQrWithLapack(request, columns, heads, execution);
  if (outcome.status != Outcome::Status::kDone) return outcome;
  const std::vector<double>& transposed = execution.lapack == nullptr ? q : columns;
  // Q R = (Q S)(S R) for a diagonal S of signs: those of R's diagonal make the factors unique.
  for (int64_t k = 0; k < n; ++k) {
    const double sign = heads[k] < 0 ? -1 : 1;
    request.r[k * n + k] = sign * heads[k];
    for (int64_t j = k + 1; j < n; ++j) request.r[k * n + j] *= sign;
    for (int64_t i = 0; i < m; ++i) request.q[i * n + k] = sign * transposed[k * m + i];
  }
  request.quality[0] = distanceFromOrthonormal(request.q, m, n, execution);
  return isCancelled(execution.cancel) ? Outcome{Outcome::Status::kCancelled} : Outcome{};
}

}  // namespace snug
