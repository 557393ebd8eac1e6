// The symmetric eigenproblem without a LAPACK: Householder tridiagonalisation, then implicit QL with vectors
// (Golub and Van Loan, Matrix Computations, 8.3; EISPACK tred2 and tql2).
#pragma once
#include <cstdint>

#include "row_blocks.h"

namespace snug {

template <typename T>
struct FallbackEigenRequest {
  int64_t size;
  T* matrix;        // [size, size] row-major: the upper triangle on entry, row j the vector of values[j] after
  T* values;        // [size], in no order
  int threads;
  CancelFlag cancel;
};

// kDone, kCancelled, or kInvalid: no convergence, element = the index of the eigenvalue.
// Float or double; memory: size² numbers of it. O(9 size³)
template <typename T>
Outcome fallbackEigen(const FallbackEigenRequest<T>& request);

}  // namespace snug
