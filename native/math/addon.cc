// Registers the functions that src-main/worker/native/addon-types.ts describes.
#include <napi.h>

#include <memory>

#include "arguments.h"
#include "async_call.h"
#include "ggml_library.h"
#include "kernels.h"
#include "linear_algebra_calls.h"

namespace snug {
namespace {

class MathAddon : public Napi::Addon<MathAddon> {
 public:
  MathAddon(Napi::Env, Napi::Object exports) {
    DefineAddon(exports, {
                             InstanceMethod("openGgml", &MathAddon::openGgml),
                             InstanceMethod("prepare", &MathAddon::prepare),
                             InstanceMethod("convertRows", &MathAddon::convert),
                             InstanceMethod("checkFinite", &MathAddon::check),
                             InstanceMethod("dequantize", &MathAddon::toFloat32),
                             InstanceMethod("openLapack", &MathAddon::openLapack),
                             InstanceMethod("gemm", &MathAddon::gemm),
                             InstanceMethod("gram", &MathAddon::gram),
                             InstanceMethod("eigen", &MathAddon::eigen),
                             InstanceMethod("eigenvalues", &MathAddon::eigenvalues),
                             InstanceMethod("cholesky", &MathAddon::cholesky),
                             InstanceMethod("qr", &MathAddon::qr),
                         });
  }

 private:
  // openGgml(path): loads the library once per addon instance and answers its version and types.
  Napi::Value openGgml(const Napi::CallbackInfo& info) {
    if (info.Length() < 1 || !info[0].IsString())
      throw Napi::TypeError::New(info.Env(), "expected the path of libggml-base");
    try {
      if (!ggml_) ggml_ = std::make_shared<GgmlLibrary>(info[0].As<Napi::String>().Utf8Value());
    } catch (const std::exception& error) {
      throw Napi::Error::New(info.Env(), error.what());
    }
    Napi::Array types = Napi::Array::New(info.Env());
    for (const GgmlType& type : ggml_->types()) {
      Napi::Object row = Napi::Object::New(info.Env());
      row.Set("id", type.id);
      row.Set("name", type.name);
      row.Set("blockSize", static_cast<double>(type.blockSize));
      row.Set("typeSize", static_cast<double>(type.typeSize));
      row.Set("canQuantize", type.canQuantize);
      row.Set("canDequantize", type.canDequantize);
      row.Set("requiresImportance", type.requiresImportance);
      types.Set(types.Length(), row);
    }
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("version", ggml_->version());
    result.Set("types", types);
    return result;
  }

  Napi::Value prepare(const Napi::CallbackInfo& info) {
    const Arguments arguments(info);
    const int id = type(info, arguments.integer("type", 0)).id;
    return AsyncCall::start(info.Env(), {}, [ggml = ggml_, id] {
      ggml->prepare(id);
      return Outcome{};
    });
  }

  Napi::Value convert(const Napi::CallbackInfo& info) {
    const Arguments arguments(info);
    const GgmlType& source = type(info, arguments.integer("sourceType", 0));
    const GgmlType& target = type(info, arguments.integer("targetType", 0));
    ConvertRequest request{};
    request.sourceType = source.id;
    request.targetType = target.id;
    request.rows = arguments.integer("rows", 1);
    request.columns = arguments.integer("columns", 1);
    request.firstRow = arguments.integer("firstRow", 0);
    request.rowsPerSlice = arguments.integer("rowsPerSlice", 1);
    arguments.requireBlocks("columns", source, request.columns);
    arguments.requireBlocks("columns", target, request.columns);
    request.source = arguments.bytes("source", request.rows * source.bytesOf(request.columns));
    request.output = arguments.bytes("output", request.rows * target.bytesOf(request.columns));
    const int64_t slices = (request.firstRow + request.rows - 1) / request.rowsPerSlice + 1;
    request.importance = arguments.floats("importance", slices * request.columns);
    request.threads = static_cast<int>(arguments.integer("threads", 1));
    request.cancel = arguments.cancel();
    return AsyncCall::start(info.Env(), kept(arguments, {"source", "output", "importance", "cancel"}),
                            [ggml = ggml_, request] { return convertRows(*ggml, request); });
  }

  Napi::Value check(const Napi::CallbackInfo& info) {
    const Arguments arguments(info);
    const ReadRequest request = readRequest(info, arguments);
    return AsyncCall::start(info.Env(), kept(arguments, {"source", "cancel"}),
                            [ggml = ggml_, request] { return checkFinite(*ggml, request); });
  }

  Napi::Value toFloat32(const Napi::CallbackInfo& info) {
    const Arguments arguments(info);
    const ReadRequest request = readRequest(info, arguments);
    float* output = arguments.floats("output", request.elements);
    if (output == nullptr) throw Napi::TypeError::New(info.Env(), "output must be a Float32Array");
    return AsyncCall::start(info.Env(), kept(arguments, {"source", "output", "cancel"}),
                            [ggml = ggml_, request, output] { return dequantize(*ggml, request, output); });
  }

  Napi::Value openLapack(const Napi::CallbackInfo& info) { return linearAlgebra_.openLapack(info); }
  Napi::Value gemm(const Napi::CallbackInfo& info) { return linearAlgebra_.gemm(info); }
  Napi::Value gram(const Napi::CallbackInfo& info) { return linearAlgebra_.gram(info); }
  Napi::Value eigen(const Napi::CallbackInfo& info) { return linearAlgebra_.eigen(info); }
  Napi::Value eigenvalues(const Napi::CallbackInfo& info) { return linearAlgebra_.eigenvalues(info); }
  Napi::Value cholesky(const Napi::CallbackInfo& info) { return linearAlgebra_.cholesky(info); }
  Napi::Value qr(const Napi::CallbackInfo& info) { return linearAlgebra_.qr(info); }

  ReadRequest readRequest(const Napi::CallbackInfo& info, const Arguments& arguments) {
    const GgmlType& source = type(info, arguments.integer("type", 0));
    ReadRequest request{};
    request.type = source.id;
    request.elements = arguments.integer("elements", 0);
    arguments.requireBlocks("elements", source, request.elements);
    request.source = arguments.bytes("source", source.bytesOf(request.elements));
    request.threads = static_cast<int>(arguments.integer("threads", 1));
    request.cancel = arguments.cancel();
    return request;
  }

  const GgmlType& type(const Napi::CallbackInfo& info, int64_t id) {
    if (!ggml_) throw Napi::Error::New(info.Env(), "openGgml was not called");
    try {
      return ggml_->type(static_cast<int>(id));
    } catch (const std::exception& error) {
      throw Napi::RangeError::New(info.Env(), error.what());
    }
  }

  static std::vector<Napi::Value> kept(const Arguments& arguments, const std::vector<const char*>& names) {
    std::vector<Napi::Value> values;
    for (const char* name : names) values.push_back(arguments.value(name));
    return values;
  }

  std::shared_ptr<GgmlLibrary> ggml_;
  LinearAlgebraCalls linearAlgebra_;
};

}  // namespace
}  // namespace snug

using MathAddon = snug::MathAddon;
NODE_API_ADDON(MathAddon)
