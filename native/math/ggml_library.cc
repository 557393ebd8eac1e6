#include "ggml_library.h"

#include <cstring>
#include <map>
#include <stdexcept>

namespace snug {
namespace {

// struct ggml_type_traits, as ggml.h declares it.
struct TypeTraits {
  const char* name;
  int64_t blockSize;
  int64_t blockSizeInterleave;
  size_t typeSize;
  bool isQuantized;
  ToFloat toFloat;
  void (*fromFloatRef)(const float* source, void* output, int64_t elements);
};

// GGML_TYPE_COUNT per ggml release. The accessors read past their table for a larger number, so it cannot be probed.
const std::map<std::string, int> kTypeCounts = {{"0.23.0", 43}};

int typeCountOf(const std::string& version) {
  const auto entry = kTypeCounts.find(version);
  if (entry != kTypeCounts.end()) return entry->second;
  std::string known;
  for (const auto& [name, count] : kTypeCounts) known += (known.empty() ? "" : ", ") + name;
  throw std::runtime_error("ggml " + version + " is unknown to this build of Snug (known: " + known + ")");
}

[[noreturn]] void refuse(const std::string& what) {
  throw std::runtime_error("libggml-base has another layout than its version says: " + what);
}

}  // namespace

GgmlLibrary::GgmlLibrary(const std::string& path) : library_(path) {
  version_ = library_.require<const char* (*)()>("ggml_version")();
  quantizeInit_ = library_.require<decltype(quantizeInit_)>("ggml_quantize_init");
  quantizeChunk_ = library_.require<decltype(quantizeChunk_)>("ggml_quantize_chunk");
  validateRowData_ = library_.require<decltype(validateRowData_)>("ggml_validate_row_data");
  proveAndReadTypes(typeCountOf(version_));
}

// Every field of every traits record is held against the accessor function of the same fact, and the distance between
// records against our struct's size; the function pointer after them is proved by one known conversion.
void GgmlLibrary::proveAndReadTypes(int count) {
  const auto traitsOf = library_.require<const TypeTraits* (*)(int)>("ggml_get_type_traits");
  const auto nameOf = library_.require<const char* (*)(int)>("ggml_type_name");
  const auto blockSizeOf = library_.require<int64_t (*)(int)>("ggml_blck_size");
  const auto typeSizeOf = library_.require<size_t (*)(int)>("ggml_type_size");
  const auto isQuantized = library_.require<bool (*)(int)>("ggml_is_quantized");
  const auto requiresImportance = library_.require<bool (*)(int)>("ggml_quantize_requires_imatrix");

  const TypeTraits* first = traitsOf(0);
  for (int id = 0; id < count; ++id) {
    const TypeTraits* traits = traitsOf(id);
    if (traits != first + id) refuse("size of ggml_type_traits");
    if (traits->name != nameOf(id) || traits->name == nullptr) refuse("name of type " + std::to_string(id));
    if (traits->blockSize != blockSizeOf(id) || traits->typeSize != typeSizeOf(id) ||
        traits->isQuantized != isQuantized(id)) {
      refuse("sizes of type " + std::string(traits->name));
    }
    if (traits->blockSize == 0) continue;  // a number whose type was removed from ggml
    const bool isFloat = id == kTypeF32 || id == kTypeF16 || id == kTypeBF16;
    // ggml_quantize_chunk takes the three float types and every block type that can be read back (Q8_1 and Q8_K
    // cannot).
    const bool canQuantize = isFloat || (traits->isQuantized && traits->toFloat != nullptr);
    const bool canDequantize = traits->toFloat != nullptr || id == kTypeF32 || id == kTypeF64;
    types_.push_back({id, traits->name, traits->blockSize, static_cast<int64_t>(traits->typeSize), traits->isQuantized,
                      canQuantize, canDequantize, requiresImportance(id), traits->toFloat});
  }

  if (type(kTypeF32).name != "f32" || type(kTypeF64).name != "f64" || type(kTypeBF16).name != "bf16")
    refuse("type numbers");
  const uint16_t half[2] = {0x3c00, 0xc000};  // 1 and -2 in IEEE half precision
  float converted[2] = {0, 0};
  type(kTypeF16).toFloat(half, converted, 2);
  if (converted[0] != 1.0F || converted[1] != -2.0F) refuse("conversion functions");
}

const GgmlType& GgmlLibrary::type(int id) const {
  for (const GgmlType& type : types_) {
    if (type.id == id) return type;
  }
  throw std::runtime_error("type number " + std::to_string(id) + " is no type of ggml " + version_);
}

}  // namespace snug
