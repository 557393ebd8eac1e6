// Dense linear algebra on buffers that the caller owns: on a LAPACK where one is given, else on this folder's own code.
// Matrices are row-major. A symmetric matrix is read from its upper triangle only, as `gram` leaves it.
// A LAPACK keeps one pool of threads for the whole process: calls on more than one of them wait for the others.
#pragma once
#include <cstdint>

#include "lapack_library.h"
#include "row_blocks.h"

namespace snug {

// Smaller eigenproblems and Cholesky factorisations get one thread of a LAPACK. eigh on two cores: n = 576 takes 0.03 s on
// one thread and 0.04 s on two, n = 2048 takes 1.4 and 0.9 s; where other programs use the cores, two take several
// times as long as one.
constexpr int64_t kLeastSizeForThreads = 1024;

// Where and how a call runs.
struct Execution {
  const LapackLibrary* lapack;  // nullptr = the fall-back
  int threads;
  CancelFlag cancel;
};

template <typename T>
struct ProductRequest {
  int64_t rows, inner, columns;
  const T* a;  // [rows, inner], or [inner, rows] when transposed
  const T* b;  // [inner, columns], or [columns, inner] when transposed
  bool transposeA, transposeB;
  T* output;  // [rows, columns], overwritten
};

// output = op(a) op(b), float or double. Cancel is looked at between blocks of rows. O(rows inner columns)
template <typename T>
Outcome multiply(const ProductRequest<T>& request, const Execution& execution);

struct GramRequest {
  int64_t rows, size;
  const float* values;  // [rows, size]
  double* gram;         // [size, size]; the upper triangle grows by valuesᵀ values, the rest stays as it is
  int64_t chunkRows;    // rows that are summed in float before the sum goes into `gram`, or widened at once
  bool isDouble;        // products and sums of a chunk in double instead of float
  bool isFloatSum;      // sums of chunks in float are rounded to it: `gram` then holds what a sum in float holds
};

// kNonFinite: the first NaN or infinity, or a column whose squares overflow float (element = its first row's); chunks
// before it are in `gram` already. After a cancel `gram` may hold a part of a chunk. Memory: a chunk's sum in float,
// [size, size], or a chunk's values in double. O(rows size²)
Outcome accumulateGram(const GramRequest& request, const Execution& execution);

struct EigenRequest {
  int64_t size;
  const double* matrix;  // [size, size], upper triangle
  double* values;        // [size], descending
  double* vectors;       // [size, size], vector j is column j; its largest component is positive
  double* quality;       // [2]: largest |VᵀV - I|; ‖A V - V Λ‖ / ‖A‖ (Frobenius norms, the upper one estimated)
  bool isDouble;         // solved in double; else the matrix is rounded to float and its solution widened
};

// kInvalid: no convergence, element = the eigenvalue's index. The quality is measured in double, of the matrix that came,
// whatever it was solved in. A LAPACK's dsyevd or ssyevd cannot be stopped: cancel is looked at
// before and after. Memory: 2 size² doubles besides the buffers. O(size³)
Outcome eigenSymmetric(const EigenRequest& request, const Execution& execution);

struct EigenvaluesRequest {
  int64_t size;
  const double* matrix;  // [size, size], upper triangle
  double* values;        // [size], descending
  double* quality;       // [1]: the larger of |sum of values - trace| / sum of |values| and |sum of squares - ‖A‖²| / ‖A‖²
};

// Eigenvalues alone: a third of the work of eigenSymmetric with a LAPACK, the same without. Outcomes as there.
// Memory: size² doubles with a LAPACK, 2 size² without. O(size³)
Outcome eigenvaluesSymmetric(const EigenvaluesRequest& request, const Execution& execution);

struct CholeskyRequest {
  int64_t size, columns;
  const double* matrix;  // [size, size] positive definite, upper triangle
  double* solution;      // [size, columns]: right sides on entry, solutions of matrix X = right sides after
};

// kInvalid: element = index of the first pivot that is not positive, value = the pivot. A LAPACK's dpotrf cannot be
// stopped. Memory: size² doubles. O(size³ / 3 + size² columns)
Outcome solveCholesky(const CholeskyRequest& request, const Execution& execution);

struct QrRequest {
  int64_t rows, columns;  // rows >= columns
  const double* matrix;   // [rows, columns]
  double* q;              // [rows, columns], orthonormal columns
  double* r;              // [columns, columns], upper triangular, its diagonal not negative
  double* quality;        // [1]: largest |QᵀQ - I|
};

// A LAPACK's dgeqrf cannot be stopped. Memory: rows columns doubles. O(rows columns²)
Outcome factorQr(const QrRequest& request, const Execution& execution);

// Largest |MᵀM - I| of a matrix [rows, columns] with leading dimension `columns`. O(rows columns²)
double distanceFromOrthonormal(const double* matrix, int64_t rows, int64_t columns, const Execution& execution);

}  // namespace snug
