#include "lapack_library.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace snug {
namespace {

struct Spelling {
  const char* prefix;
  const char* suffix;
};

// PyPI's scipy-openblas32 and scipy-openblas64; the plain names of OpenBLAS, MKL and Accelerate; OpenBLAS built with
// 64-bit integers (Debian's libopenblas64, Fedora's and Julia's).
constexpr Spelling kSpellings[] = {{"scipy_", "_"}, {"scipy_", "_64_"}, {"", "_"}, {"", "_64_"}, {"", "64_"}};

std::string fileName(const std::string& path) { return path.substr(path.find_last_of("/\\") + 1); }

const char* letter(bool transpose) { return transpose ? "T" : "N"; }

// Of the process, as the number of threads is, however often a library was opened.
std::shared_mutex threadNumber;

// An eigenproblem may hold the number for minutes: who waits looks at its cancel meanwhile.
template <typename Lock>
Lock lockUnlessCancelled(CancelFlag cancel) {
  Lock lock(threadNumber, std::defer_lock);
  while (!lock.try_lock() && !isCancelled(cancel)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return lock;
}

}  // namespace

LapackLibrary::LapackLibrary(const std::string& path) : library_(path) {
  findSpelling();
  const auto bind = [&](auto& function, const char* name) {
    using Function = std::remove_reference_t<decltype(function)>;
    function = library_.require<Function>((prefix_ + name + suffix_).c_str());
  };
  bind(dot_, "ddot");
  bind(dgemm_, "dgemm");
  bind(sgemm_, "sgemm");
  bind(dsyrk_, "dsyrk");
  bind(ssyrk_, "ssyrk");
  bind(dtrsm_, "dtrsm");
  bind(dsyevd_, "dsyevd");
  bind(ssyevd_, "ssyevd");
  bind(dpotrf_, "dpotrf");
  bind(dgeqrf_, "dgeqrf");
  bind(dorgqr_, "dorgqr");
  proveIntegerBits();
  bindThreads();
}

void LapackLibrary::findSpelling() {
  for (const Spelling& spelling : kSpellings) {
    if (library_.find((std::string(spelling.prefix) + "dsyevd" + spelling.suffix).c_str()) == nullptr) continue;
    prefix_ = spelling.prefix;
    suffix_ = spelling.suffix;
    return;
  }
  throw std::runtime_error("symbol dsyevd_ is missing in " + path() + ": it is no LAPACK");
}

// A count whose low half says 2 and whose whole says a negative number: BLAS adds up two products of 32-bit integers,
// and none of 64-bit ones.
void LapackLibrary::proveIntegerBits() {
  constexpr FortranInt kCount = (int64_t{-1} << 32) | 2;
  constexpr FortranInt kStep = 1;
  constexpr double kValues[] = {3, 4};
  const double sum = dot_(&kCount, kValues, &kStep, kValues, &kStep);
  if (sum != 25 && sum != 0) {
    throw std::runtime_error("ddot in " + path() + " answers " + std::to_string(sum) + " where 25 is right");
  }
  integerBits_ = sum == 25 ? 32 : 64;
}

void* LapackLibrary::symbol(const std::string& name) const {
  // OpenBLAS writes its own names with the suffix of its integers but without Fortran's underscore.
  const std::string own = suffix_ == "_" ? "" : suffix_;
  return library_.find((prefix_ + name + own).c_str());
}

void LapackLibrary::bindThreads() {
  version_ = fileName(path());
  if (void* config = symbol("openblas_get_config")) {
    version_ = reinterpret_cast<const char* (*)()>(config)();
    setThreads_ = reinterpret_cast<void (*)(int)>(symbol("openblas_set_num_threads"));
  } else if (void* describe = library_.find("MKL_Get_Version_String")) {
    char text[256] = {};
    reinterpret_cast<void (*)(char*, int)>(describe)(text, sizeof text - 1);
    version_ = text;
    setThreads_ = reinterpret_cast<void (*)(int)>(library_.find("MKL_Set_Num_Threads"));
  }
  version_.erase(version_.find_last_not_of(" \n") + 1);
  const std::unique_lock lock(threadNumber);
  if (setThreads_ != nullptr) setThreads_(1);
}

LapackLibrary::Threads::Threads(const LapackLibrary& library, int threads, CancelFlag cancel) : library_(library) {
  if (threads == 1 || !library.canSetThreads()) {
    oneThread_ = lockUnlessCancelled<std::shared_lock<std::shared_mutex>>(cancel);
  } else {
    ownThreads_ = lockUnlessCancelled<std::unique_lock<std::shared_mutex>>(cancel);
    if (ownThreads_.owns_lock()) library.setThreads_(threads);
  }
}

LapackLibrary::Threads::~Threads() {
  if (ownThreads_.owns_lock()) library_.setThreads_(1);
}

void LapackLibrary::gemm(bool transposeA, bool transposeB, FortranInt m, FortranInt n, FortranInt k, const double* a,
                         FortranInt lda, const double* b, FortranInt ldb, double beta, double* c, FortranInt ldc) const {
  constexpr double kOne = 1;
  dgemm_(letter(transposeA), letter(transposeB), &m, &n, &k, &kOne, a, &lda, b, &ldb, &beta, c, &ldc, 1, 1);
}

void LapackLibrary::gemm(bool transposeA, bool transposeB, FortranInt m, FortranInt n, FortranInt k, const float* a,
                         FortranInt lda, const float* b, FortranInt ldb, float beta, float* c, FortranInt ldc) const {
  constexpr float kOne = 1;
  sgemm_(letter(transposeA), letter(transposeB), &m, &n, &k, &kOne, a, &lda, b, &ldb, &beta, c, &ldc, 1, 1);
}

void LapackLibrary::syrk(FortranInt n, FortranInt k, const double* a, double beta, double* c, FortranInt ld) const {
  constexpr double kOne = 1;
  dsyrk_("L", "N", &n, &k, &kOne, a, &ld, &beta, c, &ld, 1, 1);
}

void LapackLibrary::syrk(FortranInt n, FortranInt k, const float* a, float beta, float* c, FortranInt ld) const {
  constexpr float kOne = 1;
  ssyrk_("L", "N", &n, &k, &kOne, a, &ld, &beta, c, &ld, 1, 1);
}

namespace {

// `solve` is dsyevd or ssyevd. Answers its INFO argument.
template <typename T, typename Solve>
FortranInt divideAndConquer(Solve solve, FortranInt n, T* a, T* values) {
  // The sizes that their documentation demands; a query would answer them as a number of type T.
  const FortranInt workSize = 1 + 6 * n + 2 * n * n;
  const FortranInt integerSize = 3 + 5 * n;
  std::vector<T> work(static_cast<size_t>(workSize));
  std::vector<FortranInt> integers(static_cast<size_t>(integerSize));
  FortranInt info = 0;
  solve("V", "L", &n, a, &n, values, work.data(), &workSize, integers.data(), &integerSize, &info, 1, 1);
  return info;
}

}  // namespace

int64_t LapackLibrary::syevd(FortranInt n, double* a, double* values) const {
  return info(divideAndConquer(dsyevd_, n, a, values));
}

int64_t LapackLibrary::syevd(FortranInt n, float* a, float* values) const {
  return info(divideAndConquer(ssyevd_, n, a, values));
}

int64_t LapackLibrary::syevdValues(FortranInt n, double* a, double* values) const {
  // Room for the blocked reduction (dsytrd) besides the 2n + 1 that dsyevd demands.
  const FortranInt workSize = 2 * n + 64 * n + 1;
  const FortranInt integerSize = 1;
  std::vector<double> work(static_cast<size_t>(workSize));
  FortranInt integers = 0, info = 0;
  dsyevd_("N", "L", &n, a, &n, values, work.data(), &workSize, &integers, &integerSize, &info, 1, 1);
  return this->info(info);
}

int64_t LapackLibrary::potrf(FortranInt n, double* a) const {
  FortranInt info = 0;
  dpotrf_("L", &n, a, &n, &info, 1);
  return this->info(info);
}

void LapackLibrary::solveRight(bool transpose, FortranInt m, FortranInt n, const double* l, double* b,
                               FortranInt ldb) const {
  constexpr double kOne = 1;
  dtrsm_("R", "L", letter(transpose), "N", &m, &n, &kOne, l, &n, b, &ldb, 1, 1, 1, 1);
}

int64_t LapackLibrary::geqrf(FortranInt m, FortranInt n, double* a, double* tau) const {
  // Blocks of 64 columns at most (ilaenv's largest answer for QR); more work space than a block needs is unused.
  const FortranInt workSize = std::max<FortranInt>(1, n * 64);
  std::vector<double> work(static_cast<size_t>(workSize));
  FortranInt info = 0;
  dgeqrf_(&m, &n, a, &m, tau, work.data(), &workSize, &info);
  return this->info(info);
}

int64_t LapackLibrary::orgqr(FortranInt m, FortranInt n, double* a, const double* tau) const {
  const FortranInt workSize = std::max<FortranInt>(1, n * 64);
  std::vector<double> work(static_cast<size_t>(workSize));
  FortranInt info = 0;
  dorgqr_(&m, &n, &n, a, &m, tau, work.data(), &workSize, &info);
  return this->info(info);
}

}  // namespace snug
