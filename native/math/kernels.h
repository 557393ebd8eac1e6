// Conversions between ggml types on buffers that the caller owns. Pure functions: no state but their arguments.
// Matrices are row-major; a tensor of several slices (experts) is its slices' rows one after the other.
#pragma once
#include <cstdint>

#include "ggml_library.h"
#include "row_blocks.h"

namespace snug {

struct ConvertRequest {
  int sourceType;
  const uint8_t* source;  // [rows, columns] of sourceType
  int targetType;
  uint8_t* output;  // [rows, columns] of targetType
  int64_t rows;
  int64_t columns;
  int64_t firstRow;         // index of row 0 within the tensor
  int64_t rowsPerSlice;     // rows that share one vector of importance
  const float* importance;  // [slices, columns] float32 mean squares of the tensor, or nullptr
  int threads;
  CancelFlag cancel;
};

// Source rows -> float32 -> target type, in llama.cpp's own arithmetic: the bytes equal llama_model_quantize's.
// kNonFinite: the first NaN or infinity of the source; kInvalid: the first row block whose result is not finite.
// Memory: one block of float32 per thread. Throws std::runtime_error for types that cannot be converted.
Outcome convertRows(const GgmlLibrary& ggml, const ConvertRequest& request);

struct ReadRequest {
  int type;
  const uint8_t* source;  // `elements` values of `type`
  int64_t elements;       // a multiple of the type's block size
  int threads;
  CancelFlag cancel;
};

// kNonFinite with the first NaN or infinity, kInvalid with the first block that ggml's own check refuses.
// Integer types hold no such values.
Outcome checkFinite(const GgmlLibrary& ggml, const ReadRequest& request);

// To float32; values that are not finite pass through. `output` holds `elements` values.
Outcome dequantize(const GgmlLibrary& ggml, const ReadRequest& request, float* output);

}  // namespace snug
