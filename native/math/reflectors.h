// Householder reflectors H = I - tau v vᵀ with v[0] = 1, as LAPACK stores them, and the loops they are made of.
#pragma once
#include <cstdint>

namespace snug {

double dot(const double* x, const double* y, int64_t count);

// y += factor x
void addScaled(double factor, const double* x, double* y, int64_t count);

// y += factor x, and answers x · z: one pass over x where memory is the limit.
double addScaledAndDot(double factor, const double* x, double* y, const double* z, int64_t count);

// x -= a y + b z
void subtractTwo(double a, const double* y, double b, const double* z, double* x, int64_t count);

struct Reflector {
  double tau;   // 0: nothing to reflect, H = I
  double head;  // what H makes of x: [head, 0, 0, ...]
};

// Writes v over x.
Reflector makeReflector(double* x, int64_t count);

// x = H x
void reflect(const double* v, double tau, double* x, int64_t count);

}  // namespace snug
