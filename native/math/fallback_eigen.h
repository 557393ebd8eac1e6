// The symmetric eigenproblem without a LAPACK: Householder tridiagonalisation, then implicit QL with vectors
// (Golub and Van Loan, Matrix Computations, 8.3; EISPACK tred2 and tql2).
#pragma once
#include <cstdint>

#include "row_blocks.h"

namespace snug {

struct FallbackEigenRequest {
  int64_t size;
  double* matrix;   // [size, size] row-major: the upper triangle on entry, row j the vector of values[j] after
  double* values;   // [size], in no order
  int threads;
  CancelFlag cancel;
};

// kDone, kCancelled, or kInvalid: no convergence, element = the index of the eigenvalue.
// Memory: size² doubles. O(9 size³)
Outcome fallbackEigen(const FallbackEigenRequest& request);

}  // namespace snug
