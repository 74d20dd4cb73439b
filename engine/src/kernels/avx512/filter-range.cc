// AVX-512: comparisons answer with bits already, 8 to 64 a step. The end is read under a mask.
#include <immintrin.h>

#include "../../filter/range-kernels.h"

namespace redkite::filter {
namespace {

struct Int8 {
  using T = int8_t;
  static constexpr uint32_t lanes = 64;
  static uint64_t step(const T* p, uint64_t m, __m512i low, __m512i high) {
    const __m512i v = _mm512_maskz_loadu_epi8(m, p);
    return _mm512_mask_cmple_epi8_mask(_mm512_mask_cmpge_epi8_mask(m, v, low), v, high);
  }
  static __m512i spread(T v) { return _mm512_set1_epi8(v); }
};
struct Uint8 {
  using T = uint8_t;
  static constexpr uint32_t lanes = 64;
  static uint64_t step(const T* p, uint64_t m, __m512i low, __m512i high) {
    const __m512i v = _mm512_maskz_loadu_epi8(m, p);
    return _mm512_mask_cmple_epu8_mask(_mm512_mask_cmpge_epu8_mask(m, v, low), v, high);
  }
  static __m512i spread(T v) { return _mm512_set1_epi8(static_cast<char>(v)); }
};
struct Int16 {
  using T = int16_t;
  static constexpr uint32_t lanes = 32;
  static uint64_t step(const T* p, uint64_t m, __m512i low, __m512i high) {
    const __mmask32 mask = static_cast<__mmask32>(m);
    const __m512i v = _mm512_maskz_loadu_epi16(mask, p);
    return _mm512_mask_cmple_epi16_mask(_mm512_mask_cmpge_epi16_mask(mask, v, low), v, high);
  }
  static __m512i spread(T v) { return _mm512_set1_epi16(v); }
};
struct Int32 {
  using T = int32_t;
  static constexpr uint32_t lanes = 16;
  static uint64_t step(const T* p, uint64_t m, __m512i low, __m512i high) {
    const __mmask16 mask = static_cast<__mmask16>(m);
    const __m512i v = _mm512_maskz_loadu_epi32(mask, p);
    return _mm512_mask_cmple_epi32_mask(_mm512_mask_cmpge_epi32_mask(mask, v, low), v, high);
  }
  static __m512i spread(T v) { return _mm512_set1_epi32(v); }
};
struct Int64 {
  using T = int64_t;
  static constexpr uint32_t lanes = 8;
  static uint64_t step(const T* p, uint64_t m, __m512i low, __m512i high) {
    const __mmask8 mask = static_cast<__mmask8>(m);
    const __m512i v = _mm512_maskz_loadu_epi64(mask, p);
    return _mm512_mask_cmple_epi64_mask(_mm512_mask_cmpge_epi64_mask(mask, v, low), v, high);
  }
  static __m512i spread(T v) { return _mm512_set1_epi64(v); }
};
struct Uint64 {
  using T = uint64_t;
  static constexpr uint32_t lanes = 8;
  static uint64_t step(const T* p, uint64_t m, __m512i low, __m512i high) {
    const __mmask8 mask = static_cast<__mmask8>(m);
    const __m512i v = _mm512_maskz_loadu_epi64(mask, p);
    return _mm512_mask_cmple_epu64_mask(_mm512_mask_cmpge_epu64_mask(mask, v, low), v, high);
  }
  static __m512i spread(T v) { return _mm512_set1_epi64(static_cast<long long>(v)); }
};
struct Float32 {
  using T = float;
  static constexpr uint32_t lanes = 16;
  static uint64_t step(const T* p, uint64_t m, __m512 low, __m512 high) {
    const __mmask16 mask = static_cast<__mmask16>(m);
    const __m512 v = _mm512_maskz_loadu_ps(mask, p);
    return _mm512_mask_cmp_ps_mask(_mm512_mask_cmp_ps_mask(mask, v, low, _CMP_GE_OQ), v, high, _CMP_LE_OQ);
  }
  static __m512 spread(T v) { return _mm512_set1_ps(v); }
};
struct Float64 {
  using T = double;
  static constexpr uint32_t lanes = 8;
  static uint64_t step(const T* p, uint64_t m, __m512d low, __m512d high) {
    const __mmask8 mask = static_cast<__mmask8>(m);
    const __m512d v = _mm512_maskz_loadu_pd(mask, p);
    return _mm512_mask_cmp_pd_mask(_mm512_mask_cmp_pd_mask(mask, v, low, _CMP_GE_OQ), v, high, _CMP_LE_OQ);
  }
  static __m512d spread(T v) { return _mm512_set1_pd(v); }
};

template <typename Op>
void range(const typename Op::T* values, uint32_t n, typename Op::T lowest, typename Op::T highest, uint64_t* out) {
  const auto low = Op::spread(lowest);
  const auto high = Op::spread(highest);
  constexpr uint32_t lanes = Op::lanes;
  constexpr uint64_t full = lanes == 64 ? ~uint64_t{0} : (uint64_t{1} << (lanes & 63)) - 1;
  uint32_t first = 0;
  for (; first + 64 <= n; first += 64) {
    uint64_t word = 0;
#pragma GCC unroll 8
    for (uint32_t i = 0; i < 64; i += lanes) word |= Op::step(values + first + i, full, low, high) << i;
    out[first / 64] = word;
  }
  if (first == n) return;
  uint64_t word = 0;
  for (uint32_t i = 0; first + i < n; i += lanes) {
    const uint32_t left = n - first - i;
    const uint64_t mask = left >= lanes ? full : (uint64_t{1} << left) - 1;
    word |= Op::step(values + first + i, mask, low, high) << i;
  }
  out[first / 64] = word;
}

}  // namespace

const RangeKernels avx512RangeKernels = {"avx512",     range<Int8>,   range<Uint8>,   range<Int16>,  range<Int32>,
                                         range<Int64>, range<Uint64>, range<Float32>, range<Float64>};

}  // namespace redkite::filter
