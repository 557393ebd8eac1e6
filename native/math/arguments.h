// Reads call options from JavaScript. The TypeScript side checks meaning; here every length is checked once more,
// because a wrong one would read or write foreign memory.
#pragma once
#include <napi.h>

#include <cmath>
#include <string>

#include "ggml_library.h"
#include "row_blocks.h"

namespace snug {

class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : env_(info.Env()) {
    if (info.Length() < 1 || !info[0].IsObject()) throw Napi::TypeError::New(env_, "expected an options object");
    options_ = info[0].As<Napi::Object>();
  }

  Napi::Env env() const { return env_; }

  Napi::Value value(const char* name) const { return options_.Get(name); }

  bool flag(const char* name) const {
    const Napi::Value value = options_.Get(name);
    if (!value.IsBoolean()) throw Napi::TypeError::New(env_, std::string(name) + " must be true or false");
    return value.As<Napi::Boolean>().Value();
  }

  int64_t integer(const char* name, int64_t least) const {
    const Napi::Value value = options_.Get(name);
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
    if (!(number >= static_cast<double>(least)) || number > 9007199254740991.0 || number != std::floor(number)) {
      throw Napi::RangeError::New(env_, std::string(name) + " must be an integer of at least " + std::to_string(least));
    }
    return static_cast<int64_t>(number);
  }

  // A Uint8Array of exactly `length` bytes, aligned for every element type.
  uint8_t* bytes(const char* name, int64_t length) const {
    const Napi::Value value = options_.Get(name);
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
      throw Napi::TypeError::New(env_, std::string(name) + " must be a Uint8Array");
    }
    auto array = value.As<Napi::Uint8Array>();
    requireLength(name, static_cast<int64_t>(array.ByteLength()), length);
    if (reinterpret_cast<uintptr_t>(array.Data()) % alignof(double) != 0) {
      throw Napi::RangeError::New(env_, std::string(name) + " must start at a multiple of 8 bytes");
    }
    return array.Data();
  }

  // A Float32Array (T = float) or Float64Array (T = double) of exactly `length` values.
  template <typename T>
  T* numbers(const char* name, int64_t length) const {
    constexpr bool kIsDouble = sizeof(T) == sizeof(double);
    const Napi::Value value = options_.Get(name);
    if (!value.IsTypedArray() ||
        value.As<Napi::TypedArray>().TypedArrayType() != (kIsDouble ? napi_float64_array : napi_float32_array)) {
      throw Napi::TypeError::New(env_, std::string(name) + " must be a " + (kIsDouble ? "Float64Array" : "Float32Array"));
    }
    auto array = value.As<Napi::TypedArrayOf<T>>();
    requireLength(name, static_cast<int64_t>(array.ElementLength()), length);
    return array.Data();
  }

  // A Float32Array of at least `length` values, or nullptr for null.
  float* floats(const char* name, int64_t length) const {
    const Napi::Value value = options_.Get(name);
    if (value.IsNull()) return nullptr;
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
      throw Napi::TypeError::New(env_, std::string(name) + " must be a Float32Array");
    }
    auto array = value.As<Napi::Float32Array>();
    if (static_cast<int64_t>(array.ElementLength()) < length)
      requireLength(name, static_cast<int64_t>(array.ElementLength()), length);
    return array.Data();
  }

  // The Int32Array of one value through which the caller cancels, or nullptr for null.
  CancelFlag cancel() const {
    const Napi::Value value = options_.Get("cancel");
    if (value.IsNull()) return nullptr;
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
      throw Napi::TypeError::New(env_, "cancel must be an Int32Array");
    }
    auto array = value.As<Napi::Int32Array>();
    requireLength("cancel", static_cast<int64_t>(array.ElementLength()), 1);
    return array.Data();
  }

  // `elements` must be whole blocks of the type.
  void requireBlocks(const char* name, const GgmlType& type, int64_t elements) const {
    if (elements % type.blockSize != 0) {
      throw Napi::RangeError::New(env_, std::string(name) + " (" + std::to_string(elements) +
                                            ") must be a multiple of " + std::to_string(type.blockSize) + " for " +
                                            type.name);
    }
  }

 private:
  void requireLength(const char* name, int64_t actual, int64_t expected) const {
    if (actual == expected) return;
    throw Napi::RangeError::New(
        env_, std::string(name) + " has length " + std::to_string(actual) + ", expected " + std::to_string(expected));
  }

  Napi::Env env_;
  Napi::Object options_;
};

}  // namespace snug
