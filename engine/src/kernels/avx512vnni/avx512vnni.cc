// AVX-512 with VNNI and VPOPCNTDQ. Compiled with these; calls nothing outside this file.
// GCC 12 warns about the deliberately undefined registers inside its own header.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include "../tables.h"

namespace redkite {
namespace {

__mmask64 bytesBelow(uint32_t left) { return left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1; }

// Four sums at once: adding rows pairwise takes half the instructions of four separate reductions.
__m128i sumsOfFour(const __m512i* r) {
  __m256i halves[4];
  for (uint32_t i = 0; i < 4; ++i) {
    halves[i] = _mm256_add_epi32(_mm512_castsi512_si256(r[i]), _mm512_extracti64x4_epi64(r[i], 1));
  }
  const __m256i both = _mm256_hadd_epi32(_mm256_hadd_epi32(halves[0], halves[1]), _mm256_hadd_epi32(halves[2], halves[3]));
  return _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
}

template <uint32_t R>
inline __attribute__((always_inline)) void codeSums(const int8_t* query, const uint8_t* const* rows, uint32_t dim, __m512i* sums) {
  for (uint32_t r = 0; r < R; ++r) sums[r] = _mm512_setzero_si512();
  uint32_t d = 0;
  for (; d + 64 <= dim; d += 64) {
    const __m512i q = _mm512_loadu_si512(query + d);
    for (uint32_t r = 0; r < R; ++r) sums[r] = _mm512_dpbusd_epi32(sums[r], _mm512_loadu_si512(rows[r] + d), q);
  }
  if (d < dim) {
    const __mmask64 mask = bytesBelow(dim - d);
    const __m512i q = _mm512_maskz_loadu_epi8(mask, query + d);
    for (uint32_t r = 0; r < R; ++r) {
      sums[r] = _mm512_dpbusd_epi32(sums[r], _mm512_maskz_loadu_epi8(mask, rows[r] + d), q);
    }
  }
}

void codeDot(const int8_t* query, const uint8_t* codes, size_t stride, const uint32_t* ids, uint32_t n, uint32_t dim,
             int32_t* out) {
  uint32_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const uint8_t* rows[4] = {codes + ids[i] * stride, codes + ids[i + 1] * stride, codes + ids[i + 2] * stride,
                              codes + ids[i + 3] * stride};
    __m512i sums[4];
    codeSums<4>(query, rows, dim, sums);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), sumsOfFour(sums));
  }
  for (; i < n; ++i) {
    const uint8_t* row = codes + ids[i] * stride;
    __m512i sum;
    codeSums<1>(query, &row, dim, &sum);
    out[i] = _mm512_reduce_add_epi32(sum);
  }
}

// Signed rows become unsigned by adding 128, which adds 128 times the sum of the query.
void i8Dot(const int8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, int32_t* out) {
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
  __m512i querySum = _mm512_setzero_si512();
  for (uint32_t d = 0; d < dim; d += 64) {
    querySum = _mm512_dpbusd_epi32(querySum, _mm512_set1_epi8(1), _mm512_maskz_loadu_epi8(bytesBelow(dim - d), query + d));
  }
  const int32_t correction = 128 * _mm512_reduce_add_epi32(querySum);
  for (uint32_t i = 0; i < n; ++i) {
    __m512i sum = _mm512_setzero_si512();
    for (uint32_t d = 0; d < dim; d += 64) {
      const __mmask64 mask = bytesBelow(dim - d);
      const __m512i row = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, rows[i] + d), flip);
      sum = _mm512_dpbusd_epi32(sum, row, _mm512_maskz_loadu_epi8(mask, query + d));
    }
    out[i] = _mm512_reduce_add_epi32(sum) - correction;
  }
}

void hamming(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    __m512i sum = _mm512_setzero_si512();
    for (uint32_t d = 0; d < bytes; d += 64) {
      const __mmask64 mask = bytesBelow(bytes - d);
      const __m512i bits = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, query + d), _mm512_maskz_loadu_epi8(mask, rows[i] + d));
      sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(bits));
    }
    out[i] = static_cast<uint32_t>(_mm512_reduce_add_epi64(sum));
  }
}

void overlap(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t* both, uint32_t* either) {
  for (uint32_t i = 0; i < n; ++i) {
    __m512i bothSum = _mm512_setzero_si512();
    __m512i eitherSum = _mm512_setzero_si512();
    for (uint32_t d = 0; d < bytes; d += 64) {
      const __mmask64 mask = bytesBelow(bytes - d);
      const __m512i q = _mm512_maskz_loadu_epi8(mask, query + d);
      const __m512i r = _mm512_maskz_loadu_epi8(mask, rows[i] + d);
      bothSum = _mm512_add_epi64(bothSum, _mm512_popcnt_epi64(_mm512_and_si512(q, r)));
      eitherSum = _mm512_add_epi64(eitherSum, _mm512_popcnt_epi64(_mm512_or_si512(q, r)));
    }
    both[i] = static_cast<uint32_t>(_mm512_reduce_add_epi64(bothSum));
    either[i] = static_cast<uint32_t>(_mm512_reduce_add_epi64(eitherSum));
  }
}

}  // namespace

void improveByAvx512Vnni(KernelTable& table) {
  table.isa = Isa::avx512vnni;
  table.name = "avx512vnni";
  table.i8.dot = i8Dot;
  table.binary.hamming = hamming;
  table.binary.overlap = overlap;
  table.code = {127, codeDot, codeDot};
  table.block = avx512VnniRowBlocks();
  improveListsByAvx512Vnni(table.list);
}

}  // namespace redkite
