// Kernels of the filter: which of n values lie in [low, high], as bits. Every comparison of a number with a constant comes down to this.
#pragma once

#include <cstdint>

namespace redkite::filter {

/**
 * Bit i of `out` is low <= values[i] <= high; NaN lies in no range. Writes ceil(n / 64) words, bits from n on are 0.
 * Nothing lies in a range whose low is above its high.
 */
template <typename T>
using RangeKernel = void (*)(const T* values, uint32_t n, T low, T high, uint64_t* out);

struct RangeKernels {
  const char* name;
  RangeKernel<int8_t> i8;
  RangeKernel<uint8_t> u8;
  RangeKernel<int16_t> i16;
  RangeKernel<int32_t> i32;
  RangeKernel<int64_t> i64;
  RangeKernel<uint64_t> u64;
  RangeKernel<float> f32;
  RangeKernel<double> f64;
};

extern const RangeKernels scalarRangeKernels;
#if defined(__x86_64__)
extern const RangeKernels avx2RangeKernels;
extern const RangeKernels avx512RangeKernels;
#endif

/** The best of this machine. */
const RangeKernels& rangeKernels();

}  // namespace redkite::filter
