#include "../../filter/range-kernels.h"

namespace redkite::filter {
namespace {

template <typename T>
void range(const T* values, uint32_t n, T low, T high, uint64_t* out) {
  for (uint32_t first = 0; first < n; first += 64) {
    const uint32_t end = n - first < 64 ? n - first : 64;
    uint64_t word = 0;
    for (uint32_t i = 0; i < end; i++) {
      const T v = values[first + i];
      word |= static_cast<uint64_t>(static_cast<int>(v >= low) & static_cast<int>(v <= high)) << i;
    }
    out[first / 64] = word;
  }
}

}  // namespace

const RangeKernels scalarRangeKernels = {"scalar",       range<int8_t>,   range<uint8_t>, range<int16_t>, range<int32_t>,
                                         range<int64_t>, range<uint64_t>, range<float>,   range<double>};

}  // namespace redkite::filter
