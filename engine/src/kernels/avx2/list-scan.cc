// Inverted lists with AVX2; calls nothing outside this file.
#include <immintrin.h>

#include "../list-loops.h"
#include "../tables.h"

namespace redkite {
namespace {

__m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
void store(void* p, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(p), value); }

int32_t fourOf(const int8_t* p) {
  int32_t value;
  __builtin_memcpy(&value, p, 4);
  return value;
}

template <uint32_t Q>
inline __attribute__((always_inline)) void dotsOf(const int8_t* const* queries, const uint8_t* packed, uint32_t groups, int32_t* sums) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum[Q][4];
  for (uint32_t q = 0; q < Q; ++q)
    for (uint32_t i = 0; i < 4; ++i) sum[q][i] = _mm256_setzero_si256();
  for (uint32_t g = 0; g < groups; ++g) {
    for (uint32_t i = 0; i < 4; ++i) {
      const __m256i row = load(packed + size_t{g} * 128 + i * 32);
      for (uint32_t q = 0; q < Q; ++q) {
        // Two products each fit 16 bits, because queries stay within 63.
        const __m256i pairs = _mm256_maddubs_epi16(row, _mm256_set1_epi32(fourOf(queries[q] + size_t{g} * 4)));
        sum[q][i] = _mm256_add_epi32(sum[q][i], _mm256_madd_epi16(pairs, ones));
      }
    }
  }
  for (uint32_t q = 0; q < Q; ++q)
    for (uint32_t i = 0; i < 4; ++i) store(sums + q * kBlockRows + i * 8, sum[q][i]);
}

void dots(const int8_t* const* queries, uint32_t nq, const uint8_t* packed, uint32_t groups, int32_t* sums) {
  for (; nq >= 2; nq -= 2, queries += 2, sums += 2 * kBlockRows) dotsOf<2>(queries, packed, groups, sums);
  if (nq == 1) dotsOf<1>(queries, packed, groups, sums);
}

// Bytes are added up as 16-bit pairs: once with both bytes, once with the upper alone, which is taken away again at the end.
void lookup4(const uint8_t* tables, const uint8_t* codes, uint32_t groups, int32_t* sums) {
  const __m256i nibble = _mm256_set1_epi8(15);
  __m256i both[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  __m256i upper[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  for (uint32_t i = 0; i < groups * 2; ++i) {
    const __m256i code = load(codes + size_t{i} * 32);
    const __m256i table = load(tables + size_t{i} * 32);
    const __m256i found[2] = {_mm256_shuffle_epi8(table, _mm256_and_si256(code, nibble)),
                              _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(code, 4), nibble))};
    for (uint32_t half = 0; half < 2; ++half) {
      both[half] = _mm256_add_epi16(both[half], found[half]);
      upper[half] = _mm256_add_epi16(upper[half], _mm256_srli_epi16(found[half], 8));
    }
  }
  for (uint32_t half = 0; half < 2; ++half) {
    const __m256i lower = _mm256_sub_epi16(both[half], _mm256_slli_epi16(upper[half], 8));
    const __m128i even = _mm_add_epi16(_mm256_castsi256_si128(lower), _mm256_extracti128_si256(lower, 1));
    const __m128i odd = _mm_add_epi16(_mm256_castsi256_si128(upper[half]), _mm256_extracti128_si256(upper[half], 1));
    store(sums + half * 16, _mm256_cvtepu16_epi32(_mm_unpacklo_epi16(even, odd)));
    store(sums + half * 16 + 8, _mm256_cvtepu16_epi32(_mm_unpackhi_epi16(even, odd)));
  }
}

uint32_t estimate(const int32_t* sums, const ListRows& rows, const ListQuery& query, float worst, float* distances, float* slack) {
  uint32_t mask = 0;
  const __m256 factor = _mm256_set1_ps(query.factor);
  for (uint32_t r = 0; r < kBlockRows; r += 8) {
    const __m256 scale = rows.scale == nullptr ? factor : _mm256_mul_ps(factor, _mm256_loadu_ps(rows.scale + r));
    __m256 distance = _mm256_set1_ps(query.base);
    if (rows.constant != nullptr) distance = _mm256_add_ps(distance, _mm256_loadu_ps(rows.constant + r));
    const __m256 sum = _mm256_sub_ps(_mm256_cvtepi32_ps(load(sums + r)), _mm256_set1_ps(query.offset));
    distance = _mm256_fnmadd_ps(scale, sum, distance);
    __m256 wrong = _mm256_set1_ps(query.rounding);
    if (rows.error != nullptr) {
      wrong = _mm256_fmadd_ps(_mm256_set1_ps(query.length), _mm256_loadu_ps(rows.error + r), wrong);
      wrong = _mm256_fmadd_ps(_mm256_set1_ps(query.error), _mm256_loadu_ps(rows.length + r), wrong);
    }
    _mm256_storeu_ps(distances + r, distance);
    _mm256_storeu_ps(slack + r, wrong);
    const __m256 near = _mm256_cmp_ps(_mm256_sub_ps(distance, wrong), _mm256_set1_ps(worst), _CMP_NGT_UQ);
    mask |= static_cast<uint32_t>(_mm256_movemask_ps(near)) << r;
  }
  return mask;
}

}  // namespace

ListKernels avx2Lists() {
  return {dots, lookup4, listLookup8, estimate, listProducts, listNearest, listBounds, listQuantise};
}

}  // namespace redkite
