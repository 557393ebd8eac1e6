#include "fallback_gemm.h"

#include <memory>

#include "per_processor.h"

namespace snug {
namespace {

// A tile of the output lives in registers; a packed block of A in the second cache, a panel of B in the first.
constexpr int64_t kTileRows = 6;
constexpr int64_t kBlockRows = 96;
constexpr int64_t kBlockInner = 256;
constexpr int64_t kBlockColumns = 512;

template <typename T>
constexpr int64_t kTileColumns = 128 / sizeof(T);

// `bytes` of numbers that are computed on at once.
#if defined(__GNUC__)
template <typename T, int bytes>
struct Lanes {
  typedef T Type __attribute__((vector_size(bytes), aligned(4), may_alias));
};
#else
template <typename T, int bytes>
struct Lanes {
  struct Type {
    T values[bytes / sizeof(T)];
    Type& operator+=(const Type& other) {
      for (size_t i = 0; i < bytes / sizeof(T); ++i) values[i] += other.values[i];
      return *this;
    }
    friend Type operator*(T factor, Type lanes) {
      for (T& value : lanes.values) value *= factor;
      return lanes;
    }
  };
};
#endif

// tile [kTileRows, 128 bytes] = packedA [inner, kTileRows] packedB [inner, 128 bytes]. Two registers of `bytes` per row
// at a time: 12 sums, which leave room for the factors in the 16 registers of SSE and AVX2.
template <typename T, int bytes>
SNUG_INLINE void multiplyTile(int64_t inner, const T* packedA, const T* packedB, T* tile) {
  using Type = typename Lanes<T, bytes>::Type;
  constexpr int64_t kPerRow = 128 / bytes;
  const Type* right = reinterpret_cast<const Type*>(packedB);
  Type* output = reinterpret_cast<Type*>(tile);
  for (int64_t part = 0; part < kPerRow; part += 2) {
    Type sums[kTileRows][2] = {};
    for (int64_t p = 0; p < inner; ++p) {
      for (int64_t i = 0; i < kTileRows; ++i) {
        const T left = packedA[p * kTileRows + i];
        sums[i][0] += left * right[kPerRow * p + part];
        sums[i][1] += left * right[kPerRow * p + part + 1];
      }
    }
    for (int64_t i = 0; i < kTileRows; ++i) {
      output[kPerRow * i + part] = sums[i][0];
      output[kPerRow * i + part + 1] = sums[i][1];
    }
  }
}

// A function per instruction set, as the width of its registers decides the shape of the sums; the loader picks.
#define SNUG_TILE(target, T, bytes)                                            \
  target void tile(int64_t inner, const T* a, const T* b, T* c) {              \
    multiplyTile<T, bytes>(inner, a, b, c);                                    \
  }

#ifdef SNUG_HAS_TARGETS
SNUG_TILE(__attribute__((target("arch=x86-64-v4"))), float, 64)
SNUG_TILE(__attribute__((target("arch=x86-64-v4"))), double, 64)
SNUG_TILE(__attribute__((target("arch=x86-64-v3"))), float, 32)
SNUG_TILE(__attribute__((target("arch=x86-64-v3"))), double, 32)
SNUG_TILE(__attribute__((target("default"))), float, 16)
SNUG_TILE(__attribute__((target("default"))), double, 16)
#else
SNUG_TILE(, float, 16)
SNUG_TILE(, double, 16)
#endif

// Panels of `width` rows of `source` [rows, inner], inner-major, the last one filled up with zeros.
template <typename T>
void pack(const MatrixView<T>& source, int64_t rows, int64_t inner, int64_t width, T* packed) {
  for (int64_t first = 0; first < rows; first += width) {
    const int64_t height = std::min(width, rows - first);
    for (int64_t p = 0; p < inner; ++p) {
      const T* values = source.data + first * source.rowStride + p * source.columnStride;
      for (int64_t i = 0; i < height; ++i) packed[p * width + i] = values[i * source.rowStride];
      for (int64_t i = height; i < width; ++i) packed[p * width + i] = 0;
    }
    packed += width * inner;
  }
}

struct Block {
  int64_t firstRow, rows, firstColumn, columns, inner;
};

// output block += or -= packed block of A times packed block of B, tile by tile.
template <typename T>
void addBlock(const FallbackProduct<T>& product, const Block& block, const T* packedA, const T* packedB) {
  constexpr int64_t kColumns = kTileColumns<T>;
  const T sign = product.into == Output::kSubtractedFrom ? -1 : 1;
  T sums[kTileRows * kColumns];
  for (int64_t j = 0; j < block.columns; j += kColumns) {
    for (int64_t i = 0; i < block.rows; i += kTileRows) {
      tile(block.inner, packedA + i * block.inner, packedB + j * block.inner, sums);
      T* output = product.output + (block.firstRow + i) * product.outputStride + block.firstColumn + j;
      const int64_t width = std::min(kColumns, block.columns - j);
      const int64_t diagonal = product.upperOnly ? block.firstRow + i - block.firstColumn - j : -kTileRows;
      for (int64_t row = 0; row < std::min(kTileRows, block.rows - i); ++row) {
        for (int64_t column = std::max<int64_t>(0, diagonal + row); column < width; ++column) {
          output[row * product.outputStride + column] += sign * sums[row * kColumns + column];
        }
      }
    }
  }
}

// Rows [range.first, range.first + range.rows) of the output, all of one thread.
template <typename T>
void multiplyRows(const FallbackProduct<T>& product, RowRange range, T* packedA, T* packedB) {
  const int64_t start = product.upperOnly ? range.first : 0;
  if (product.into == Output::kOverwritten) {
    for (int64_t row = range.first; row < range.first + range.rows; ++row) {
      std::fill(product.output + row * product.outputStride + (product.upperOnly ? row : 0),
                product.output + row * product.outputStride + product.columns, T{0});
    }
  }
  for (int64_t p = 0; p < product.inner; p += kBlockInner) {
    const int64_t inner = std::min(kBlockInner, product.inner - p);
    pack(product.a.at(range.first, p), range.rows, inner, kTileRows, packedA);
    for (int64_t j = start; j < product.columns; j += kBlockColumns) {
      const Block block{range.first, range.rows, j, std::min(kBlockColumns, product.columns - j), inner};
      pack(product.b.at(p, j).transposed(), block.columns, inner, kTileColumns<T>, packedB);
      addBlock(product, block, packedA, packedB);
    }
  }
}

}  // namespace

template <typename T>
Outcome fallbackGemm(const FallbackProduct<T>& product) {
  return forEachBlock(
      product.rows, kBlockRows, 0, std::max<int64_t>(product.rows, 1), product.threads, product.cancel, [&] {
        const auto packedA = std::make_shared<std::vector<T>>((kBlockRows + kTileRows) * kBlockInner);
        const auto packedB = std::make_shared<std::vector<T>>((kBlockColumns + kTileColumns<T>)*kBlockInner);
        return [&, packedA, packedB](RowRange range) -> Outcome {
          multiplyRows(product, range, packedA->data(), packedB->data());
          return {};
        };
      });
}

template Outcome fallbackGemm(const FallbackProduct<float>&);
template Outcome fallbackGemm(const FallbackProduct<double>&);

}  // namespace snug
