// SPDX-License-Identifier: MIT
// CUDA's math functions, as compiled: long mixtures of arithmetic, selection, tables and, for large
// angles, local memory. Errors in units of the last place are those of the CUDA programming guide.
#include <cmath>
#include <vector>

#include "support/device.cuh"

using namespace cuemu_tests;

namespace {

template <class Function, class T>
__global__ void evaluate(T* out, const T* in, int count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) out[i] = Function()(in[i]);
}

std::vector<double> points(double low, double high) {
  std::vector<double> values;
  const int kCount = 400;
  for (int i = 0; i <= kCount; ++i) values.push_back(low + (high - low) * i / kCount);
  return values;
}

// The reference is the host's function of double; for T = double add the half unit that it may be
// off itself.
template <class Function, class T>
void expect_within_ulps(const char* file, int line, const char* name, double ulps,
                        const std::vector<double>& where) {
  const std::vector<T> arguments(where.begin(), where.end());
  const DeviceBuffer<T> in(arguments), out(arguments.size());
  const int count = static_cast<int>(arguments.size());
  evaluate<Function><<<(count + 127) / 128, 128>>>(out.get(), in.get(), count);
  if (!expect_success(file, line, name, cudaDeviceSynchronize())) return;
  const std::vector<T> results = out.download();
  int reported = 0;
  for (int i = 0; i < count && reported < 3; ++i) {
    const double exact = Function()(static_cast<double>(arguments[i]));
    const T nearest = static_cast<T>(exact);
    const double ulp = std::nextafter(std::fabs(nearest), T(INFINITY)) - std::fabs(nearest);
    if (std::fabs(results[i] - exact) <= (ulps + 0.5) * ulp) continue;
    reported +=
        !expect_equal(file, line, name, results[i], nearest, "argument " + describe(arguments[i]));
  }
}

#define FUNCTION_OF(Name, expression)             \
  struct Name {                                   \
    template <class T>                            \
    __host__ __device__ T operator()(T x) const { \
      using namespace std;                        \
      return expression;                          \
    }                                             \
  }
FUNCTION_OF(Exponential, exp(x));
FUNCTION_OF(Logarithm, log(x));
FUNCTION_OF(Sine, sin(x));
FUNCTION_OF(Cosine, cos(x));
FUNCTION_OF(Tangent, tan(x));
FUNCTION_OF(HyperbolicTangent, tanh(x));
FUNCTION_OF(ErrorFunction, erf(x));
FUNCTION_OF(CubeRoot, cbrt(x));
FUNCTION_OF(PowerOfBase, pow(T(1.75), x));
FUNCTION_OF(Arctangent, atan2(x, T(2)));
FUNCTION_OF(Remainder, fmod(x, T(0.75)));
FUNCTION_OF(RoundDown, floor(x));

#define EXPECT_F32(Function, ulps, where) \
  expect_within_ulps<Function, float>(__FILE__, __LINE__, #Function, ulps, where)
#define EXPECT_F64(Function, ulps, where) \
  expect_within_ulps<Function, double>(__FILE__, __LINE__, #Function, ulps, where)

TEST(MathLibrary, f32) {
  EXPECT_F32(Exponential, 2, points(-80, 80));
  EXPECT_F32(Logarithm, 1, points(1e-3, 300));
  EXPECT_F32(HyperbolicTangent, 2, points(-6, 6));
  EXPECT_F32(ErrorFunction, 2, points(-4, 4));
  EXPECT_F32(CubeRoot, 1, points(-40, 40));
  EXPECT_F32(PowerOfBase, 8, points(-60, 60));
  EXPECT_F32(Arctangent, 3, points(-9, 9));
  EXPECT_F32(Remainder, 0, points(-9, 9));
  EXPECT_F32(RoundDown, 0, points(-9, 9));
}

TEST(MathLibrary, f32_angles) {
  EXPECT_F32(Sine, 2, points(-7, 7));
  EXPECT_F32(Cosine, 2, points(-7, 7));
  EXPECT_F32(Tangent, 4, points(-7, 7));
  EXPECT_F32(Sine, 2, points(2e5, 3e9));  // the reduction that keeps 2/pi's digits in a local array
}

TEST(MathLibrary, f64) {
  EXPECT_F64(Exponential, 1.5, points(-300, 300));
  EXPECT_F64(Logarithm, 1.5, points(1e-3, 300));
  EXPECT_F64(Sine, 2.5, points(-7, 7));
  EXPECT_F64(CubeRoot, 1.5, points(-40, 40));
}

}  // namespace
