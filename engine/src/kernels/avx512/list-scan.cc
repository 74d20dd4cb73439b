// Inverted lists with AVX-512 F, BW, DQ and VL; calls nothing outside this file.
// GCC 12 warns about the deliberately undefined registers inside its own header.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include "../list-loops.h"
#include "../tables.h"

namespace redkite {
namespace {

int32_t fourOf(const int8_t* p) {
  int32_t value;
  __builtin_memcpy(&value, p, 4);
  return value;
}

template <uint32_t Q>
inline __attribute__((always_inline)) void dotsOf(const int8_t* const* queries, const uint8_t* packed, uint32_t groups, int32_t* sums) {
  const __m512i ones = _mm512_set1_epi16(1);
  __m512i sum[Q][2];
  for (uint32_t q = 0; q < Q; ++q) sum[q][0] = sum[q][1] = _mm512_setzero_si512();
  for (uint32_t g = 0; g < groups; ++g) {
    for (uint32_t i = 0; i < 2; ++i) {
      const __m512i row = _mm512_loadu_si512(packed + size_t{g} * 128 + i * 64);
      for (uint32_t q = 0; q < Q; ++q) {
        // Two products each fit 16 bits, because queries stay within 63.
        const __m512i pairs = _mm512_maddubs_epi16(row, _mm512_set1_epi32(fourOf(queries[q] + size_t{g} * 4)));
        sum[q][i] = _mm512_add_epi32(sum[q][i], _mm512_madd_epi16(pairs, ones));
      }
    }
  }
  for (uint32_t q = 0; q < Q; ++q)
    for (uint32_t i = 0; i < 2; ++i) _mm512_storeu_si512(sums + q * kBlockRows + i * 16, sum[q][i]);
}

void dots(const int8_t* const* queries, uint32_t nq, const uint8_t* packed, uint32_t groups, int32_t* sums) {
  for (; nq >= 4; nq -= 4, queries += 4, sums += 4 * kBlockRows) dotsOf<4>(queries, packed, groups, sums);
  for (; nq > 0; --nq, ++queries, sums += kBlockRows) dotsOf<1>(queries, packed, groups, sums);
}

__m128i lanesAdded(__m512i value) {
  const __m256i half = _mm256_add_epi16(_mm512_castsi512_si256(value), _mm512_extracti64x4_epi64(value, 1));
  return _mm_add_epi16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

// Bytes are added up as 16-bit pairs: once with both bytes, once with the upper alone, which is taken away again at the end.
void lookup4(const uint8_t* tables, const uint8_t* codes, uint32_t groups, int32_t* sums) {
  const __m512i nibble = _mm512_set1_epi8(15);
  __m512i both[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  __m512i upper[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  for (uint32_t g = 0; g < groups; ++g) {
    const __m512i code = _mm512_loadu_si512(codes + size_t{g} * 64);
    const __m512i table = _mm512_loadu_si512(tables + size_t{g} * 64);
    const __m512i found[2] = {_mm512_shuffle_epi8(table, _mm512_and_si512(code, nibble)),
                              _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(code, 4), nibble))};
    for (uint32_t half = 0; half < 2; ++half) {
      both[half] = _mm512_add_epi16(both[half], found[half]);
      upper[half] = _mm512_add_epi16(upper[half], _mm512_srli_epi16(found[half], 8));
    }
  }
  for (uint32_t half = 0; half < 2; ++half) {
    const __m128i even = lanesAdded(_mm512_sub_epi16(both[half], _mm512_slli_epi16(upper[half], 8)));
    const __m128i odd = lanesAdded(upper[half]);
    const __m256i rows = _mm256_set_m128i(_mm_unpackhi_epi16(even, odd), _mm_unpacklo_epi16(even, odd));
    _mm512_storeu_si512(sums + half * 16, _mm512_cvtepu16_epi32(rows));
  }
}

uint32_t estimate(const int32_t* sums, const ListRows& rows, const ListQuery& query, float worst, float* distances, float* slack) {
  uint32_t mask = 0;
  const __m512 factor = _mm512_set1_ps(query.factor);
  for (uint32_t r = 0; r < kBlockRows; r += 16) {
    const __m512 scale = rows.scale == nullptr ? factor : _mm512_mul_ps(factor, _mm512_loadu_ps(rows.scale + r));
    __m512 distance = _mm512_set1_ps(query.base);
    if (rows.constant != nullptr) distance = _mm512_add_ps(distance, _mm512_loadu_ps(rows.constant + r));
    const __m512 sum = _mm512_sub_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(sums + r)), _mm512_set1_ps(query.offset));
    distance = _mm512_fnmadd_ps(scale, sum, distance);
    __m512 wrong = _mm512_set1_ps(query.rounding);
    if (rows.error != nullptr) {
      wrong = _mm512_fmadd_ps(_mm512_set1_ps(query.length), _mm512_loadu_ps(rows.error + r), wrong);
      wrong = _mm512_fmadd_ps(_mm512_set1_ps(query.error), _mm512_loadu_ps(rows.length + r), wrong);
    }
    _mm512_storeu_ps(distances + r, distance);
    _mm512_storeu_ps(slack + r, wrong);
    const __mmask16 near = _mm512_cmp_ps_mask(_mm512_sub_ps(distance, wrong), _mm512_set1_ps(worst), _CMP_NGT_UQ);
    mask |= static_cast<uint32_t>(near) << r;
  }
  return mask;
}

}  // namespace

ListKernels avx512Lists() {
  return {dots, lookup4, listLookup8, estimate, listProducts, listNearest, listBounds, listQuantise};
}

}  // namespace redkite
