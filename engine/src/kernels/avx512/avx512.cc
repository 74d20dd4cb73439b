// AVX-512 F, BW, DQ, VL. Compiled with these; calls nothing outside this file.
// GCC 12 warns about the deliberately undefined registers inside its own header.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include "../float-rows.h"
#include "../tables.h"
#include "float-registers.h"

namespace redkite {
namespace {

__mmask64 bytesBelow(uint32_t left) { return left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1; }
__mmask32 bytesBelow32(uint32_t left) { return left >= 32 ? ~__mmask32{0} : (__mmask32{1} << left) - 1; }

__m512i widenSigned(const void* p, uint32_t left) {
  return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(bytesBelow32(left), p));
}
__m512i widenUnsigned(const void* p, uint32_t left) {
  return _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(bytesBelow32(left), p));
}

template <bool difference>
void i8Rows(const int8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, int32_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    __m512i sum = _mm512_setzero_si512();
    for (uint32_t d = 0; d < dim; d += 32) {
      const __m512i q = widenSigned(query + d, dim - d);
      const __m512i r = widenSigned(rows[i] + d, dim - d);
      const __m512i a = difference ? _mm512_sub_epi16(q, r) : q;
      sum = _mm512_add_epi32(sum, _mm512_madd_epi16(a, difference ? a : r));
    }
    out[i] = _mm512_reduce_add_epi32(sum);
  }
}

void i8DotNorm(const int8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, int32_t* dots, int32_t* norms) {
  for (uint32_t i = 0; i < n; ++i) {
    __m512i dot = _mm512_setzero_si512();
    __m512i norm = _mm512_setzero_si512();
    for (uint32_t d = 0; d < dim; d += 32) {
      const __m512i r = widenSigned(rows[i] + d, dim - d);
      dot = _mm512_add_epi32(dot, _mm512_madd_epi16(widenSigned(query + d, dim - d), r));
      norm = _mm512_add_epi32(norm, _mm512_madd_epi16(r, r));
    }
    dots[i] = _mm512_reduce_add_epi32(dot);
    norms[i] = _mm512_reduce_add_epi32(norm);
  }
}

// Bits of each byte by two table look-ups, added up to eight 64-bit counts.
__m512i bitCounts(__m512i v) {
  const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m512i nibble = _mm512_set1_epi8(0x0f);
  const __m512i low = _mm512_shuffle_epi8(table, _mm512_and_si512(v, nibble));
  const __m512i high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(v, 4), nibble));
  return _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
}

void hamming(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    __m512i sum = _mm512_setzero_si512();
    for (uint32_t d = 0; d < bytes; d += 64) {
      const __mmask64 mask = bytesBelow(bytes - d);
      const __m512i both = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, query + d), _mm512_maskz_loadu_epi8(mask, rows[i] + d));
      sum = _mm512_add_epi64(sum, bitCounts(both));
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
      bothSum = _mm512_add_epi64(bothSum, bitCounts(_mm512_and_si512(q, r)));
      eitherSum = _mm512_add_epi64(eitherSum, bitCounts(_mm512_or_si512(q, r)));
    }
    both[i] = static_cast<uint32_t>(_mm512_reduce_add_epi64(bothSum));
    either[i] = static_cast<uint32_t>(_mm512_reduce_add_epi64(eitherSum));
  }
}

/// Bit l: element l of `a` and `b` is equal.
template <uint32_t Width>
uint64_t equalLanes(__m512i a, __m512i b) {
  if constexpr (Width == 1) return _mm512_cmpeq_epi8_mask(a, b);
  else if constexpr (Width == 2) return _mm512_cmpeq_epi16_mask(a, b);
  else if constexpr (Width == 4) return _mm512_cmpeq_epi32_mask(a, b);
  else return _mm512_cmpeq_epi64_mask(a, b);
}

template <uint32_t Width>
void equalRows(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t equal = 0;
    for (uint32_t d = 0; d < bytes; d += 64) {
      const __mmask64 mask = bytesBelow(bytes - d);
      const uint64_t same = equalLanes<Width>(_mm512_maskz_loadu_epi8(mask, query + d), _mm512_maskz_loadu_epi8(mask, rows[i] + d));
      // Lanes beyond the end are zero on both sides.
      const uint32_t lanes = (bytes - d < 64 ? bytes - d : 64) / Width;
      equal += static_cast<uint32_t>(__builtin_popcountll(lanes == 64 ? same : same & ((uint64_t{1} << lanes) - 1)));
    }
    out[i] = equal;
  }
}

void equalElements(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t width, uint32_t* out) {
  switch (width) {
    case 1: return equalRows<1>(query, rows, n, bytes, out);
    case 2: return equalRows<2>(query, rows, n, bytes, out);
    case 4: return equalRows<4>(query, rows, n, bytes, out);
    case 8: return equalRows<8>(query, rows, n, bytes, out);
    default: return equalElementsOfAnyWidth(query, rows, n, bytes, width, out);
  }
}

template <uint32_t R>
inline __attribute__((always_inline)) void codeBlock(const int8_t* query, const uint8_t* const* rows, uint32_t dim, int32_t* out) {
  const __m512i ones = _mm512_set1_epi16(1);
  __m512i sums[R];
  for (uint32_t r = 0; r < R; ++r) sums[r] = _mm512_setzero_si512();
  for (uint32_t d = 0; d < dim; d += 64) {
    const __mmask64 mask = bytesBelow(dim - d);
    const __m512i q = _mm512_maskz_loadu_epi8(mask, query + d);
    for (uint32_t r = 0; r < R; ++r) {
      // Unsigned times signed bytes, neighbours added in 16 bits: exact while |query| <= 63.
      const __m512i products = _mm512_maddubs_epi16(_mm512_maskz_loadu_epi8(mask, rows[r] + d), q);
      sums[r] = _mm512_add_epi32(sums[r], _mm512_madd_epi16(products, ones));
    }
  }
  for (uint32_t r = 0; r < R; ++r) out[r] = _mm512_reduce_add_epi32(sums[r]);
}

void codeDot(const int8_t* query, const uint8_t* codes, size_t stride, const uint32_t* ids, uint32_t n, uint32_t dim,
             int32_t* out) {
  uint32_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const uint8_t* rows[4] = {codes + ids[i] * stride, codes + ids[i + 1] * stride, codes + ids[i + 2] * stride,
                              codes + ids[i + 3] * stride};
    codeBlock<4>(query, rows, dim, out + i);
  }
  for (; i < n; ++i) {
    const uint8_t* row = codes + ids[i] * stride;
    codeBlock<1>(query, &row, dim, out + i);
  }
}

void codeDotWide(const int8_t* query, const uint8_t* codes, size_t stride, const uint32_t* ids, uint32_t n, uint32_t dim,
                 int32_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    const uint8_t* row = codes + ids[i] * stride;
    __m512i sum = _mm512_setzero_si512();
    for (uint32_t d = 0; d < dim; d += 32) {
      sum = _mm512_add_epi32(sum, _mm512_madd_epi16(widenUnsigned(row + d, dim - d), widenSigned(query + d, dim - d)));
    }
    out[i] = _mm512_reduce_add_epi32(sum);
  }
}

}  // namespace

void fillAvx512(KernelTable& table) {
  table.isa = Isa::avx512;
  table.name = "avx512";
  table.f32 = rows::floatKernels<F32>();
  table.f16 = rows::floatKernels<F16>();
  table.bf16 = rows::floatKernels<Bf16>();
  table.i8 = {i8Rows<false>, i8Rows<true>, i8DotNorm};
  table.binary = {hamming, overlap, equalElements};
  table.code = {63, codeDot, codeDotWide};
  table.list = avx512Lists();
  table.term = avx512Terms();
}

}  // namespace redkite
