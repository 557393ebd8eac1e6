#include "kernels.h"

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace snug {
namespace {

// Elements that are read at once where there are no rows: large enough to hide the hand-over, small enough for a cache.
constexpr int64_t kReadElements = 32 * 512;

void requireReadable(const GgmlType& type) {
  if (!type.canDequantize) throw std::runtime_error("tensors of type " + type.name + " cannot be read as numbers");
}

// `elements` values of `type` as float32: in place for F32, else into `scratch`.
const float* toFloat(const GgmlType& type, const uint8_t* source, int64_t elements, float* scratch) {
  if (type.id == kTypeF32) return reinterpret_cast<const float*>(source);
  if (type.id == kTypeF64) {
    const double* values = reinterpret_cast<const double*>(source);
    for (int64_t i = 0; i < elements; ++i) scratch[i] = static_cast<float>(values[i]);
  } else {
    type.toFloat(source, scratch, elements);
  }
  return scratch;
}

// Index of the first NaN or infinity, or -1. `Word` is the unsigned integer behind the float, `exponent` its exponent
// bits, all ones in NaN and infinity. The first loop has no branch, so that it runs at memory speed.
template <typename Word>
int64_t firstNonFinite(const void* data, int64_t count, Word exponent) {
  const Word* words = static_cast<const Word*>(data);
  Word found = 0;
  for (int64_t i = 0; i < count; ++i) found |= static_cast<Word>((words[i] & exponent) == exponent);
  if (found == 0) return -1;
  return std::find_if(words, words + count, [=](Word word) { return (word & exponent) == exponent; }) - words;
}

int64_t firstNonFinite(const float* values, int64_t count) {
  return firstNonFinite<uint32_t>(values, count, 0x7f800000);
}

// The same for a float type as it is stored.
int64_t firstNonFinite(int type, const uint8_t* data, int64_t count) {
  switch (type) {
    case kTypeF16:
      return firstNonFinite<uint16_t>(data, count, 0x7c00);
    case kTypeBF16:
      return firstNonFinite<uint16_t>(data, count, 0x7f80);
    case kTypeF64:
      return firstNonFinite<uint64_t>(data, count, 0x7ff0000000000000);
    default:
      return firstNonFinite<uint32_t>(data, count, 0x7f800000);
  }
}

// The first element of the first block of `type` that ggml's check refuses; the range as a whole was refused before.
int64_t firstInvalidBlock(const GgmlLibrary& ggml, const GgmlType& type, const uint8_t* data, int64_t elements) {
  for (int64_t element = 0; element < elements; element += type.blockSize) {
    if (!ggml.validate(type.id, data + type.bytesOf(element), static_cast<size_t>(type.typeSize))) return element;
  }
  return 0;
}

// Splits `elements` values into pieces of whole blocks and runs `process(first element, count, scratch)` on each.
template <typename Process>
Outcome forEachPiece(const GgmlType& type, const ReadRequest& request, const Process& process) {
  const int64_t perPiece = (kReadElements + type.blockSize - 1) / type.blockSize * type.blockSize;
  const int64_t total = request.elements / type.blockSize;
  const int64_t blocks = perPiece / type.blockSize;
  return forEachBlock(total, blocks, 0, std::max<int64_t>(total, 1), request.threads, request.cancel, [&] {
    const auto scratch = std::make_shared<std::vector<float>>(static_cast<size_t>(perPiece));
    return [&, scratch](RowRange range) {
      return process(range.first * type.blockSize, range.rows * type.blockSize, scratch->data());
    };
  });
}

}  // namespace

Outcome convertRows(const GgmlLibrary& ggml, const ConvertRequest& request) {
  const GgmlType& source = ggml.type(request.sourceType);
  const GgmlType& target = ggml.type(request.targetType);
  requireReadable(source);
  if (!target.canQuantize) throw std::runtime_error("type " + target.name + " cannot be written");
  if (target.requiresImportance && request.importance == nullptr)
    throw std::runtime_error("type " + target.name + " needs importance");
  ggml.prepare(target.id);

  const int64_t columns = request.columns;
  const int64_t sourceRowBytes = source.bytesOf(columns);
  const int64_t targetRowBytes = target.bytesOf(columns);
  const int64_t blockRows = rowsPerBlock(columns);
  return forEachBlock(
      request.rows, blockRows, request.firstRow, request.rowsPerSlice, request.threads, request.cancel, [&] {
        const size_t scratchSize = source.id == kTypeF32 ? 0 : static_cast<size_t>(blockRows * columns);
        const auto scratch = std::make_shared<std::vector<float>>(scratchSize);
        return [&, scratch](RowRange range) -> Outcome {
          const int64_t elements = range.rows * columns;
          const float* values =
              toFloat(source, request.source + range.first * sourceRowBytes, elements, scratch->data());
          const int64_t bad = firstNonFinite(values, elements);
          if (bad >= 0) return {Outcome::Status::kNonFinite, range.first * columns + bad, values[bad]};
          const int64_t slice = (request.firstRow + range.first) / request.rowsPerSlice;
          const float* importance = request.importance == nullptr ? nullptr : request.importance + slice * columns;
          uint8_t* output = request.output + range.first * targetRowBytes;
          const size_t written = ggml.quantize(target.id, values, output, range.rows, columns, importance);
          if (ggml.validate(target.id, output, written)) return {};
          const int64_t element = firstInvalidBlock(ggml, target, output, elements);
          return {Outcome::Status::kInvalid, range.first * columns + element, values[element]};
        };
      });
}

Outcome checkFinite(const GgmlLibrary& ggml, const ReadRequest& request) {
  const GgmlType& type = ggml.type(request.type);
  if (!type.canDequantize && !type.isQuantized) return {};  // integers
  requireReadable(type);
  return forEachPiece(type, request, [&](int64_t first, int64_t count, float* scratch) -> Outcome {
    const uint8_t* data = request.source + type.bytesOf(first);
    if (!type.isQuantized) {
      const int64_t bad = firstNonFinite(type.id, data, count);
      if (bad < 0) return {};
      return {Outcome::Status::kNonFinite, first + bad, *toFloat(type, data + type.bytesOf(bad), 1, scratch)};
    }
    const float* values = toFloat(type, data, count, scratch);
    const int64_t bad = firstNonFinite(values, count);
    if (bad >= 0) return {Outcome::Status::kNonFinite, first + bad, values[bad]};
    // Some faults do not show in the numbers: MXFP4's NaN scale reads as a finite power of two.
    if (ggml.validate(type.id, data, static_cast<size_t>(type.bytesOf(count)))) return {};
    const int64_t element = firstInvalidBlock(ggml, type, data, count);
    return {Outcome::Status::kInvalid, first + element, values[element]};
  });
}

Outcome dequantize(const GgmlLibrary& ggml, const ReadRequest& request, float* output) {
  const GgmlType& type = ggml.type(request.type);
  requireReadable(type);
  return forEachPiece(type, request, [&](int64_t first, int64_t count, float*) -> Outcome {
    const float* values = toFloat(type, request.source + type.bytesOf(first), count, output + first);
    if (values != output + first) std::copy_n(values, count, output + first);
    return {};
  });
}

}  // namespace snug
