#include "range-kernels.h"

namespace redkite::filter {

const RangeKernels& rangeKernels() {
#if defined(__x86_64__)
  static const RangeKernels& best = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
                                        ? avx512RangeKernels
                                    : __builtin_cpu_supports("avx2") ? avx2RangeKernels
                                                                     : scalarRangeKernels;
  return best;
#else
  return scalarRangeKernels;
#endif
}

}  // namespace redkite::filter
