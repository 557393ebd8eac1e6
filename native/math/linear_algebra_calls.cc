#include "linear_algebra_calls.h"

#include "async_call.h"

namespace snug {
namespace {

// Sizes are at most 2^31 - 1 (a LAPACK with 32-bit integers), so products of two stay far below 2^63.
int64_t size(const Arguments& arguments, const char* name) {
  const int64_t value = arguments.integer(name, 1);
  if (value > INT32_MAX) throw Napi::RangeError::New(arguments.env(), std::string(name) + " is above 2^31 - 1");
  return value;
}

template <typename T>
ProductRequest<T> productRequest(const Arguments& arguments) {
  ProductRequest<T> request{};
  request.rows = size(arguments, "rows");
  request.inner = size(arguments, "inner");
  request.columns = size(arguments, "columns");
  request.a = arguments.numbers<T>("a", request.rows * request.inner);
  request.b = arguments.numbers<T>("b", request.inner * request.columns);
  request.transposeA = arguments.flag("transposeA");
  request.transposeB = arguments.flag("transposeB");
  request.output = arguments.numbers<T>("output", request.rows * request.columns);
  return request;
}

}  // namespace

template <typename Request>
Napi::Value LinearAlgebraCalls::start(const Napi::CallbackInfo& info, const Arguments& arguments,
                                      const std::vector<const char*>& buffers, const Request& request,
                                      Outcome (*run)(const Request&, const Execution&)) const {
  std::vector<Napi::Value> kept{arguments.value("cancel")};
  for (const char* name : buffers) kept.push_back(arguments.value(name));
  const std::shared_ptr<const LapackLibrary> lapack = arguments.flag("fallback") ? nullptr : lapack_;
  const Execution execution{lapack.get(), static_cast<int>(arguments.integer("threads", 1)), arguments.cancel()};
  return AsyncCall::start(info.Env(), kept, [lapack, execution, request, run] { return run(request, execution); });
}

Napi::Value LinearAlgebraCalls::openLapack(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsString())
    throw Napi::TypeError::New(info.Env(), "expected the path of a LAPACK library");
  try {
    lapack_ = std::make_shared<const LapackLibrary>(info[0].As<Napi::String>().Utf8Value());
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("version", lapack_->version());
  result.Set("integerBits", lapack_->integerBits());
  result.Set("canSetThreads", lapack_->canSetThreads());
  return result;
}

Napi::Value LinearAlgebraCalls::gemm(const Napi::CallbackInfo& info) const {
  const Arguments arguments(info);
  const Napi::Value output = arguments.value("output");
  const bool isDouble =
      output.IsTypedArray() && output.As<Napi::TypedArray>().TypedArrayType() == napi_float64_array;
  if (isDouble) return start(info, arguments, {"a", "b", "output"}, productRequest<double>(arguments), multiply<double>);
  return start(info, arguments, {"a", "b", "output"}, productRequest<float>(arguments), multiply<float>);
}

Napi::Value LinearAlgebraCalls::gram(const Napi::CallbackInfo& info) const {
  const Arguments arguments(info);
  GramRequest request{};
  request.rows = size(arguments, "rows");
  request.size = size(arguments, "size");
  request.values = arguments.numbers<float>("values", request.rows * request.size);
  request.gram = arguments.numbers<double>("gram", request.size * request.size);
  request.chunkRows = size(arguments, "chunkRows");
  request.isDouble = arguments.flag("isDouble");
  request.isFloatSum = arguments.flag("isFloatSum");
  return start(info, arguments, {"values", "gram"}, request, accumulateGram);
}

Napi::Value LinearAlgebraCalls::eigen(const Napi::CallbackInfo& info) const {
  const Arguments arguments(info);
  EigenRequest request{};
  request.size = size(arguments, "size");
  request.matrix = arguments.numbers<double>("matrix", request.size * request.size);
  request.values = arguments.numbers<double>("values", request.size);
  request.vectors = arguments.numbers<double>("vectors", request.size * request.size);
  request.quality = arguments.numbers<double>("quality", 2);
  request.isDouble = arguments.flag("isDouble");
  return start(info, arguments, {"matrix", "values", "vectors", "quality"}, request, eigenSymmetric);
}

Napi::Value LinearAlgebraCalls::eigenvalues(const Napi::CallbackInfo& info) const {
  const Arguments arguments(info);
  EigenvaluesRequest request{};
  request.size = size(arguments, "size");
  request.matrix = arguments.numbers<double>("matrix", request.size * request.size);
  request.values = arguments.numbers<double>("values", request.size);
  request.quality = arguments.numbers<double>("quality", 1);
  return start(info, arguments, {"matrix", "values", "quality"}, request, eigenvaluesSymmetric);
}

Napi::Value LinearAlgebraCalls::cholesky(const Napi::CallbackInfo& info) const {
  const Arguments arguments(info);
  CholeskyRequest request{};
  request.size = size(arguments, "size");
  request.columns = size(arguments, "columns");
  request.matrix = arguments.numbers<double>("matrix", request.size * request.size);
  request.solution = arguments.numbers<double>("solution", request.size * request.columns);
  return start(info, arguments, {"matrix", "solution"}, request, solveCholesky);
}

Napi::Value LinearAlgebraCalls::qr(const Napi::CallbackInfo& info) const {
  const Arguments arguments(info);
  QrRequest request{};
  request.rows = size(arguments, "rows");
  request.columns = size(arguments, "columns");
  if (request.rows < request.columns) throw Napi::RangeError::New(info.Env(), "QR needs at least as many rows as columns");
  request.matrix = arguments.numbers<double>("matrix", request.rows * request.columns);
  request.q = arguments.numbers<double>("q", request.rows * request.columns);
  request.r = arguments.numbers<double>("r", request.columns * request.columns);
  request.quality = arguments.numbers<double>("quality", 1);
  return start(info, arguments, {"matrix", "q", "r", "quality"}, request, factorQr);
}

}  // namespace snug
