// The linear algebra as functions for JavaScript: options in, a promise of an outcome out.
#pragma once
#include <napi.h>

#include <memory>

#include "arguments.h"
#include "linear_algebra.h"

namespace snug {

class LinearAlgebraCalls {
 public:
  // openLapack(path): opens and proves a library, in place of an earlier one; answers what it is. Throws its reason.
  Napi::Value openLapack(const Napi::CallbackInfo& info);

  Napi::Value gemm(const Napi::CallbackInfo& info) const;
  Napi::Value gram(const Napi::CallbackInfo& info) const;
  Napi::Value eigen(const Napi::CallbackInfo& info) const;
  Napi::Value eigenvalues(const Napi::CallbackInfo& info) const;
  Napi::Value cholesky(const Napi::CallbackInfo& info) const;
  Napi::Value qr(const Napi::CallbackInfo& info) const;

 private:
  // `run` of a request on a worker thread, with the library or without it as the option `fallback` says.
  template <typename Request>
  Napi::Value start(const Napi::CallbackInfo& info, const Arguments& arguments, const std::vector<const char*>& buffers,
                    const Request& request, Outcome (*run)(const Request&, const Execution&)) const;

  std::shared_ptr<const LapackLibrary> lapack_;
};

}  // namespace snug
