// Householder reflectors H = I - tau v vᵀ with v[0] = 1, as LAPACK stores them, and the loops they are made of. Of double,
// and of float for eigenproblems in single precision.
#pragma once
#include <cstdint>

namespace snug {

double dot(const double* x, const double* y, int64_t count);
float dot(const float* x, const float* y, int64_t count);

// y += factor x
void addScaled(double factor, const double* x, double* y, int64_t count);
void addScaled(float factor, const float* x, float* y, int64_t count);

// y += factor x, and answers x · z: one pass over x where memory is the limit.
double addScaledAndDot(double factor, const double* x, double* y, const double* z, int64_t count);
float addScaledAndDot(float factor, const float* x, float* y, const float* z, int64_t count);

// x -= a y + b z
void subtractTwo(double a, const double* y, double b, const double* z, double* x, int64_t count);
void subtractTwo(float a, const float* y, float b, const float* z, float* x, int64_t count);

template <typename T>
struct Reflector {
  T tau;   // 0: nothing to reflect, H = I
  T head;  // what H makes of x: [head, 0, 0, ...]
};

// Writes v over x. Float or double.
template <typename T>
Reflector<T> makeReflector(T* x, int64_t count);

// x = H x
template <typename T>
void reflect(const T* v, T tau, T* x, int64_t count) {
  if (tau != 0) addScaled(-tau * dot(v, x, count), v, x, count);
}

}  // namespace snug
