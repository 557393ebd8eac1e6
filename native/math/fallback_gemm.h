// Matrix products without a BLAS: blocked for the caches, packed, on all threads given. Several times slower than a
// tuned library, right to the rounding of its type.
#pragma once
#include <cstdint>

#include "row_blocks.h"

namespace snug {

// Element (i, j) lies at data[i * rowStride + j * columnStride]; a transpose only swaps the strides.
template <typename T>
struct MatrixView {
  const T* data;
  int64_t rowStride;
  int64_t columnStride;

  MatrixView at(int64_t row, int64_t column) const {
    return {data + row * rowStride + column * columnStride, rowStride, columnStride};
  }
  MatrixView transposed() const { return {data, columnStride, rowStride}; }
};

// What becomes of what the output held.
enum class Output { kOverwritten, kAddedTo, kSubtractedFrom };

template <typename T>
struct FallbackProduct {
  int64_t rows, inner, columns;
  MatrixView<T> a;  // [rows, inner]
  MatrixView<T> b;  // [inner, columns]
  T* output;        // [rows, columns] row-major, leading dimension `outputStride`
  int64_t outputStride;
  bool upperOnly = false;  // of a square output, what lies below the diagonal stays as it is
  Output into = Output::kOverwritten;
  int threads = 1;
  CancelFlag cancel = nullptr;
};

// output = a b, += a b or -= a b. Status kDone or kCancelled (within a block of 96 rows). Float or double.
template <typename T>
Outcome fallbackGemm(const FallbackProduct<T>& product);

}  // namespace snug
