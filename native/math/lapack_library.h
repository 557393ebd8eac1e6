// A LAPACK (with its BLAS) opened at run time, through its Fortran symbols.
// Every argument is passed by address, so one declaration serves both integer widths: an int64 that holds a small
// positive number reads the same as 32 and as 64 bits on the little-endian machines that Snug runs on.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "dynamic_library.h"
#include "row_blocks.h"

namespace snug {

static_assert(std::endian::native == std::endian::little, "integers of either width are read through one address");

// An integer argument of Fortran.
using FortranInt = int64_t;

class LapackLibrary {
 public:
  // Opens `path`, finds the spelling of its symbols and proves the width of its integers by a call.
  // Throws std::runtime_error with the reason: not loadable, or which symbol is missing.
  explicit LapackLibrary(const std::string& path);

  const std::string& path() const { return library_.path(); }
  // What the library calls itself: `OpenBLAS 0.3.34 ... Zen MAX_THREADS=64`, `Intel MKL ...`, or its file's name.
  const std::string& version() const { return version_; }
  int integerBits() const { return integerBits_; }
  bool canSetThreads() const { return setThreads_ != nullptr; }

  // Keeps the library on so many threads of its own while it lives. BLAS libraries have one pool and one number for the
  // whole process: calls on one thread may go side by side, one on more waits for them, and they for it, until `cancel`.
  // No effect where the number cannot be set.
  class Threads {
   public:
    Threads(const LapackLibrary& library, int threads, CancelFlag cancel);
    ~Threads();
    // False after a cancel: the library may not be called.
    bool areHeld() const { return oneThread_.owns_lock() || ownThreads_.owns_lock(); }
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;

   private:
    const LapackLibrary& library_;
    std::shared_lock<std::shared_mutex> oneThread_;
    std::unique_lock<std::shared_mutex> ownThreads_;
  };

  // The value that a routine left in its INFO argument.
  int64_t info(FortranInt value) const { return integerBits_ == 64 ? value : static_cast<int32_t>(value); }

  // C = op(A) op(B) + beta C, all column-major. `a` and `b` are double or float, as `c`.
  void gemm(bool transposeA, bool transposeB, FortranInt m, FortranInt n, FortranInt k, const double* a, FortranInt lda,
            const double* b, FortranInt ldb, double beta, double* c, FortranInt ldc) const;
  void gemm(bool transposeA, bool transposeB, FortranInt m, FortranInt n, FortranInt k, const float* a, FortranInt lda,
            const float* b, FortranInt ldb, float beta, float* c, FortranInt ldc) const;

  // Lower triangle of C [n, n] = A Aᵀ + beta C, A [n, k], both column-major with leading dimension `ld`.
  void syrk(FortranInt n, FortranInt k, const double* a, double beta, double* c, FortranInt ld) const;
  void syrk(FortranInt n, FortranInt k, const float* a, float beta, float* c, FortranInt ld) const;

  // Eigenvalues ascending and vectors (column-major, over `a`) of the lower triangle of a [n, n]. Answers INFO.
  int64_t syevd(FortranInt n, double* a, double* values) const;
  int64_t syevd(FortranInt n, float* a, float* values) const;

  // Eigenvalues alone, ascending; `a` is used up. A third of the work. Answers INFO.
  int64_t syevdValues(FortranInt n, double* a, double* values) const;

  // Lower Cholesky factor over the lower triangle of a [n, n], column-major. Answers INFO.
  int64_t potrf(FortranInt n, double* a) const;

  // B [m, n] = B L⁻¹ or B L⁻ᵀ with lower L [n, n], column-major.
  void solveRight(bool transpose, FortranInt m, FortranInt n, const double* l, double* b, FortranInt ldb) const;

  // Householder QR over a [m, n], column-major; then the m x n orthogonal factor over the same. Answer INFO.
  int64_t geqrf(FortranInt m, FortranInt n, double* a, double* tau) const;
  int64_t orgqr(FortranInt m, FortranInt n, double* a, const double* tau) const;

 private:
  using Int = const FortranInt*;
  using Size = size_t;  // the hidden length of a character argument (gfortran's convention; others ignore it)

  void findSpelling();
  void* symbol(const std::string& name) const;
  void bindThreads();
  void proveIntegerBits();

  DynamicLibrary library_;
  std::string prefix_, suffix_, version_;
  int integerBits_ = 0;
  void (*setThreads_)(int) = nullptr;
  double (*dot_)(Int n, const double* x, Int incX, const double* y, Int incY) = nullptr;
  void (*dgemm_)(const char*, const char*, Int, Int, Int, const double*, const double*, Int, const double*, Int,
                 const double*, double*, Int, Size, Size) = nullptr;
  void (*sgemm_)(const char*, const char*, Int, Int, Int, const float*, const float*, Int, const float*, Int,
                 const float*, float*, Int, Size, Size) = nullptr;
  void (*dsyrk_)(const char*, const char*, Int, Int, const double*, const double*, Int, const double*, double*, Int,
                 Size, Size) = nullptr;
  void (*ssyrk_)(const char*, const char*, Int, Int, const float*, const float*, Int, const float*, float*, Int, Size,
                 Size) = nullptr;
  void (*dtrsm_)(const char*, const char*, const char*, const char*, Int, Int, const double*, const double*, Int,
                 double*, Int, Size, Size, Size, Size) = nullptr;
  void (*dsyevd_)(const char*, const char*, Int, double*, Int, double*, double*, Int, FortranInt*, Int, FortranInt*,
                  Size, Size) = nullptr;
  void (*ssyevd_)(const char*, const char*, Int, float*, Int, float*, float*, Int, FortranInt*, Int, FortranInt*, Size,
                  Size) = nullptr;
  void (*dpotrf_)(const char*, Int, double*, Int, FortranInt*, Size) = nullptr;
  void (*dgeqrf_)(Int, Int, double*, Int, double*, double*, Int, FortranInt*) = nullptr;
  void (*dorgqr_)(Int, Int, Int, double*, Int, const double*, double*, Int, FortranInt*) = nullptr;
};

}  // namespace snug
