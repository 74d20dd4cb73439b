// AVX2 for the widths that filters mostly see; bytes and shorts are left to the compiler.
#include <immintrin.h>

#include "../../filter/range-kernels.h"

namespace redkite::filter {
namespace {

template <typename T>
uint64_t tail(const T* values, uint32_t n, T low, T high) {
  uint64_t word = 0;
  for (uint32_t i = 0; i < n; i++) {
    word |= static_cast<uint64_t>(static_cast<int>(values[i] >= low) & static_cast<int>(values[i] <= high)) << i;
  }
  return word;
}

template <typename T>
void plain(const T* values, uint32_t n, T low, T high, uint64_t* out) {
  for (uint32_t first = 0; first < n; first += 64) out[first / 64] = tail(values + first, n - first < 64 ? n - first : 64, low, high);
}

__m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

struct Int32 {
  using T = int32_t;
  static constexpr uint32_t lanes = 8;
  static __m256i spread(T v) { return _mm256_set1_epi32(v); }
  static uint64_t step(const T* p, __m256i low, __m256i high) {
    const __m256i v = load(p);
    const __m256i out = _mm256_or_si256(_mm256_cmpgt_epi32(low, v), _mm256_cmpgt_epi32(v, high));
    return ~static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(out))) & 0xff;
  }
};
struct Int64 {
  using T = int64_t;
  static constexpr uint32_t lanes = 4;
  static __m256i spread(T v) { return _mm256_set1_epi64x(v); }
  static uint64_t step(const T* p, __m256i low, __m256i high) {
    const __m256i v = load(p);
    const __m256i out = _mm256_or_si256(_mm256_cmpgt_epi64(low, v), _mm256_cmpgt_epi64(v, high));
    return ~static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(out))) & 0xf;
  }
};
struct Uint64 {
  using T = uint64_t;
  static constexpr uint32_t lanes = 4;
  static constexpr int64_t flip = INT64_MIN;
  static __m256i spread(T v) { return _mm256_set1_epi64x(static_cast<int64_t>(v) ^ flip); }
  static uint64_t step(const T* p, __m256i low, __m256i high) {
    const __m256i v = _mm256_xor_si256(load(p), _mm256_set1_epi64x(flip));
    const __m256i out = _mm256_or_si256(_mm256_cmpgt_epi64(low, v), _mm256_cmpgt_epi64(v, high));
    return ~static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(out))) & 0xf;
  }
};
struct Float32 {
  using T = float;
  static constexpr uint32_t lanes = 8;
  static __m256 spread(T v) { return _mm256_set1_ps(v); }
  static uint64_t step(const T* p, __m256 low, __m256 high) {
    const __m256 v = _mm256_loadu_ps(p);
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_and_ps(_mm256_cmp_ps(v, low, _CMP_GE_OQ), _mm256_cmp_ps(v, high, _CMP_LE_OQ))));
  }
};
struct Float64 {
  using T = double;
  static constexpr uint32_t lanes = 4;
  static __m256d spread(T v) { return _mm256_set1_pd(v); }
  static uint64_t step(const T* p, __m256d low, __m256d high) {
    const __m256d v = _mm256_loadu_pd(p);
    return static_cast<uint32_t>(_mm256_movemask_pd(_mm256_and_pd(_mm256_cmp_pd(v, low, _CMP_GE_OQ), _mm256_cmp_pd(v, high, _CMP_LE_OQ))));
  }
};

template <typename Op>
void range(const typename Op::T* values, uint32_t n, typename Op::T lowest, typename Op::T highest, uint64_t* out) {
  const auto low = Op::spread(lowest);
  const auto high = Op::spread(highest);
  uint32_t first = 0;
  for (; first + 64 <= n; first += 64) {
    uint64_t word = 0;
#pragma GCC unroll 16
    for (uint32_t i = 0; i < 64; i += Op::lanes) word |= Op::step(values + first + i, low, high) << i;
    out[first / 64] = word;
  }
  if (first < n) out[first / 64] = tail(values + first, n - first, lowest, highest);
}

}  // namespace

const RangeKernels avx2RangeKernels = {"avx2",       plain<int8_t>, plain<uint8_t>, plain<int16_t>, range<Int32>,
                                       range<Int64>, range<Uint64>, range<Float32>, range<Float64>};

}  // namespace redkite::filter
