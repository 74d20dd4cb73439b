// Blocks of rows coded on the fly and compared with many queries. Compiled for AVX-512 with VNNI; calls nothing outside this file.
// GCC 12 warns about the deliberately undefined registers inside its own header.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include "../avx512/float-registers.h"
#include "../tables.h"

namespace redkite {
namespace {

/// Covers the rounding of the sum of the squares.
constexpr float kErrorRoundedUp = 1.001f;

float squareRoot(float value) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(value))); }

template <class S>
__m512 centered(const uint8_t* row, const float* center, uint32_t d, uint32_t dim) {
  if (d + 16 <= dim) return _mm512_sub_ps(S::row(row + size_t{d} * S::elementBytes), _mm512_loadu_ps(center + d));
  const uint32_t left = dim - d;
  return _mm512_sub_ps(S::rowTail(row + size_t{d} * S::elementBytes, left), S::queryTail(center + d, left));
}

/// Codes of one row, in the order of dimensions; zeros up to a multiple of 64.
template <class S>
void codeRow(const uint8_t* row, const float* center, uint32_t dim, uint8_t* codes, RowBlock& block, uint32_t r) {
  __m512 largest = _mm512_setzero_ps();
  for (uint32_t d = 0; d < dim; d += 16) largest = _mm512_max_ps(largest, _mm512_abs_ps(centered<S>(row, center, d, dim)));
  const float top = _mm512_reduce_max_ps(largest);
  const __m512 scale = _mm512_set1_ps(top / 127);
  const __m512 inverse = _mm512_set1_ps(top > 0 ? 127 / top : 0);
  __m512 error = _mm512_setzero_ps();
  __m512 length = _mm512_setzero_ps();
  uint32_t d = 0;
  for (; d < dim; d += 16) {
    const __m512 value = centered<S>(row, center, d, dim);
    const __m512i code = _mm512_cvtps_epi32(_mm512_mul_ps(value, inverse));
    // What saturation changes counts as error too.
    const __m128i bytes = _mm512_cvtsepi32_epi8(code);
    const __m512 lost = _mm512_fnmadd_ps(scale, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)), value);
    error = _mm512_fmadd_ps(lost, lost, error);
    length = _mm512_fmadd_ps(value, value, length);
    _mm_store_si128(reinterpret_cast<__m128i*>(codes + d), _mm_xor_si128(bytes, _mm_set1_epi8(static_cast<char>(0x80))));
  }
  for (; d % 64 != 0; d += 16) _mm_store_si128(reinterpret_cast<__m128i*>(codes + d), _mm_setzero_si128());
  block.scale[r] = top / 127;
  block.error[r] = squareRoot(_mm512_reduce_add_ps(error)) * kErrorRoundedUp;
  block.length[r] = squareRoot(_mm512_reduce_add_ps(length));
}

/// 16 rows of 16 32-bit words become 16 columns.
void transpose(const uint8_t* from, size_t fromStride, uint8_t* to, size_t toStride) {
  __m512i a[16];
  __m512i b[16];
  for (uint32_t i = 0; i < 16; ++i) a[i] = _mm512_load_si512(from + i * fromStride);
  for (uint32_t i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  }
  for (uint32_t i = 0; i < 16; i += 4) {
    a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
    a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
    a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
  }
  for (uint32_t i = 0; i < 4; ++i) {
    b[i] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0x88);
    b[i + 4] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0xdd);
    b[i + 8] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0x88);
    b[i + 12] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0xdd);
  }
  for (uint32_t i = 0; i < 4; ++i) {
    _mm512_store_si512(to + i * toStride, _mm512_shuffle_i32x4(b[i], b[i + 8], 0x88));
    _mm512_store_si512(to + (i + 8) * toStride, _mm512_shuffle_i32x4(b[i], b[i + 8], 0xdd));
    _mm512_store_si512(to + (i + 4) * toStride, _mm512_shuffle_i32x4(b[i + 4], b[i + 12], 0x88));
    _mm512_store_si512(to + (i + 12) * toStride, _mm512_shuffle_i32x4(b[i + 4], b[i + 12], 0xdd));
  }
}

template <class S>
void pack(const uint8_t* const* rows, uint32_t n, const float* center, uint32_t dim, uint8_t* packed, uint8_t* scratch, RowBlock& block) {
  const uint32_t padded = (dim + 63) / 64 * 64;
  for (uint32_t r = 0; r < kBlockRows; ++r) {
    // Missing rows repeat the last one: their bits are not looked at.
    codeRow<S>(rows[r < n ? r : n - 1], center, dim, scratch + size_t{r} * padded, block, r);
  }
  for (uint32_t d = 0; d < padded; d += 64) {
    for (uint32_t half = 0; half < 2; ++half) {
      transpose(scratch + size_t{half} * 16 * padded + d, padded, packed + size_t{d} * kBlockRows + half * 64, kBlockRows * 4);
    }
  }
}

void candidates(const int8_t* queries, const QueryBlock& query, const uint8_t* packed, const RowBlock& block, uint32_t dim,
                uint32_t* masks) {
  __m512i sums[kBlockQueries][2];
  for (uint32_t q = 0; q < kBlockQueries; ++q) sums[q][0] = sums[q][1] = _mm512_setzero_si512();
  const int32_t* words = reinterpret_cast<const int32_t*>(queries);
  for (uint32_t d = 0; d < dim; d += 4, words += kBlockQueries, packed += kBlockRows * 4) {
    const __m512i low = _mm512_load_si512(packed);
    const __m512i high = _mm512_load_si512(packed + 64);
    for (uint32_t q = 0; q < kBlockQueries; ++q) {
      const __m512i word = _mm512_set1_epi32(words[q]);
      sums[q][0] = _mm512_dpbusd_epi32(sums[q][0], low, word);
      sums[q][1] = _mm512_dpbusd_epi32(sums[q][1], high, word);
    }
  }
  for (uint32_t q = 0; q < kBlockQueries; ++q) {
    uint32_t mask = 0;
    for (uint32_t half = 0; half < 2; ++half) {
      const uint32_t r = half * 16;
      const __m512 product = _mm512_sub_ps(_mm512_cvtepi32_ps(sums[q][half]), _mm512_set1_ps(query.offset[q]));
      __m512 lower = _mm512_add_ps(_mm512_load_ps(block.constant + r), _mm512_set1_ps(query.constant[q]));
      lower = _mm512_fnmadd_ps(_mm512_mul_ps(_mm512_load_ps(block.scale + r), _mm512_set1_ps(query.scale[q])), product, lower);
      lower = _mm512_fnmadd_ps(_mm512_load_ps(block.error + r), _mm512_set1_ps(query.length[q]), lower);
      lower = _mm512_fnmadd_ps(_mm512_load_ps(block.length + r), _mm512_set1_ps(query.error[q]), lower);
      const uint32_t farther = _mm512_cmp_ps_mask(lower, _mm512_set1_ps(query.worst[q]), _CMP_GT_OQ);
      mask |= (~farther & 0xffffu) << r;
    }
    masks[q] = mask;
  }
}

}  // namespace

RowBlockKernels avx512VnniRowBlocks() { return {{pack<F32>, pack<F16>, pack<Bf16>}, candidates}; }

}  // namespace redkite
