// AVX2, FMA and F16C. Compiled with -mavx2 -mfma -mf16c; calls nothing outside this file.
#include <immintrin.h>

#include "../float-rows.h"
#include "../tables.h"

namespace redkite {
namespace {

struct Base {
  using Reg = __m256;
  static constexpr uint32_t width = 8;
  static constexpr uint32_t blockRows = 8;
  static constexpr uint32_t normRows = 4;
  static constexpr uint32_t tileQueries = 2;
  static constexpr uint32_t tileRows = 4;

  static Reg zero() { return _mm256_setzero_ps(); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  static Reg sub(Reg a, Reg b) { return _mm256_sub_ps(a, b); }
  static __m256i lanesBelow(uint32_t left) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(left)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Reg query(const float* p) { return _mm256_loadu_ps(p); }
  static Reg queryTail(const float* p, uint32_t left) { return _mm256_maskload_ps(p, lanesBelow(left)); }
  static float sum(Reg r) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(r), _mm256_extractf128_ps(r, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
  }
  // There is no masked load of 16-bit elements.
  static __m128i tail16(const uint8_t* p, uint32_t left) {
    alignas(16) uint8_t padded[16] = {};
    for (uint32_t i = 0; i < left * 2; ++i) padded[i] = p[i];
    return _mm_load_si128(reinterpret_cast<const __m128i*>(padded));
  }
};

struct F32 : Base {
  static constexpr size_t elementBytes = 4;
  static Reg row(const uint8_t* p) { return _mm256_loadu_ps(reinterpret_cast<const float*>(p)); }
  static Reg rowTail(const uint8_t* p, uint32_t left) {
    return _mm256_maskload_ps(reinterpret_cast<const float*>(p), lanesBelow(left));
  }
};

struct F16 : Base {
  static constexpr size_t elementBytes = 2;
  static Reg row(const uint8_t* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static Reg rowTail(const uint8_t* p, uint32_t left) { return _mm256_cvtph_ps(tail16(p, left)); }
};

struct Bf16 : Base {
  static constexpr size_t elementBytes = 2;
  static Reg widen(__m128i bits) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16)); }
  static Reg row(const uint8_t* p) { return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static Reg rowTail(const uint8_t* p, uint32_t left) { return widen(tail16(p, left)); }
};

int32_t sumOf(__m256i r) {
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(r), _mm256_extracti128_si256(r, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1));
  return _mm_cvtsi128_si32(half);
}

__m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
__m256i widenSigned(const void* p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128(static_cast<const __m128i*>(p))); }
__m256i widenUnsigned(const void* p) { return _mm256_cvtepu8_epi16(_mm_loadu_si128(static_cast<const __m128i*>(p))); }

template <bool difference>
void i8Rows(const int8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, int32_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    const int8_t* row = reinterpret_cast<const int8_t*>(rows[i]);
    __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    uint32_t d = 0;
    for (; d + 32 <= dim; d += 32) {
      for (uint32_t half = 0; half < 2; ++half) {
        const __m256i q = widenSigned(query + d + half * 16);
        const __m256i r = widenSigned(row + d + half * 16);
        const __m256i a = difference ? _mm256_sub_epi16(q, r) : q;
        const __m256i b = difference ? a : r;
        sums[half] = _mm256_add_epi32(sums[half], _mm256_madd_epi16(a, b));
      }
    }
    int32_t total = sumOf(_mm256_add_epi32(sums[0], sums[1]));
    for (; d < dim; ++d) {
      const int32_t gap = query[d] - row[d];
      total += difference ? gap * gap : query[d] * row[d];
    }
    out[i] = total;
  }
}

void i8DotNorm(const int8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, int32_t* dots, int32_t* norms) {
  for (uint32_t i = 0; i < n; ++i) {
    const int8_t* row = reinterpret_cast<const int8_t*>(rows[i]);
    __m256i dot = _mm256_setzero_si256();
    __m256i norm = _mm256_setzero_si256();
    uint32_t d = 0;
    for (; d + 16 <= dim; d += 16) {
      const __m256i r = widenSigned(row + d);
      dot = _mm256_add_epi32(dot, _mm256_madd_epi16(widenSigned(query + d), r));
      norm = _mm256_add_epi32(norm, _mm256_madd_epi16(r, r));
    }
    int32_t dotTotal = sumOf(dot);
    int32_t normTotal = sumOf(norm);
    for (; d < dim; ++d) {
      dotTotal += query[d] * row[d];
      normTotal += row[d] * row[d];
    }
    dots[i] = dotTotal;
    norms[i] = normTotal;
  }
}

// Bits of each byte by two table look-ups, added up to four 64-bit counts.
__m256i bitCounts(__m256i v) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i nibble = _mm256_set1_epi8(0x0f);
  const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(v, nibble));
  const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble));
  return _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
}

uint32_t sumOf64(__m256i r) {
  const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(r), _mm256_extracti128_si256(r, 1));
  return static_cast<uint32_t>(_mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1));
}

void hamming(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    __m256i sum = _mm256_setzero_si256();
    uint32_t d = 0;
    for (; d + 32 <= bytes; d += 32) sum = _mm256_add_epi64(sum, bitCounts(_mm256_xor_si256(load(query + d), load(rows[i] + d))));
    uint32_t total = sumOf64(sum);
    for (; d < bytes; ++d) total += static_cast<uint32_t>(__builtin_popcount(query[d] ^ rows[i][d]));
    out[i] = total;
  }
}

void overlap(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t* both, uint32_t* either) {
  for (uint32_t i = 0; i < n; ++i) {
    __m256i bothSum = _mm256_setzero_si256();
    __m256i eitherSum = _mm256_setzero_si256();
    uint32_t d = 0;
    for (; d + 32 <= bytes; d += 32) {
      const __m256i q = load(query + d);
      const __m256i r = load(rows[i] + d);
      bothSum = _mm256_add_epi64(bothSum, bitCounts(_mm256_and_si256(q, r)));
      eitherSum = _mm256_add_epi64(eitherSum, bitCounts(_mm256_or_si256(q, r)));
    }
    uint32_t bothTotal = sumOf64(bothSum);
    uint32_t eitherTotal = sumOf64(eitherSum);
    for (; d < bytes; ++d) {
      bothTotal += static_cast<uint32_t>(__builtin_popcount(query[d] & rows[i][d]));
      eitherTotal += static_cast<uint32_t>(__builtin_popcount(query[d] | rows[i][d]));
    }
    both[i] = bothTotal;
    either[i] = eitherTotal;
  }
}

__m256i equalBytes(__m256i a, __m256i b, uint32_t width) {
  switch (width) {
    case 1: return _mm256_cmpeq_epi8(a, b);
    case 2: return _mm256_cmpeq_epi16(a, b);
    case 4: return _mm256_cmpeq_epi32(a, b);
    default: return _mm256_cmpeq_epi64(a, b);
  }
}

template <uint32_t Width>
void equalRows(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t equal = 0;
    uint32_t d = 0;
    for (; d + 32 <= bytes; d += 32) {
      const __m256i same = equalBytes(load(query + d), load(rows[i] + d), Width);
      equal += static_cast<uint32_t>(__builtin_popcount(static_cast<uint32_t>(_mm256_movemask_epi8(same))));
    }
    equal /= Width;
    for (; d < bytes; d += Width) equal += __builtin_memcmp(query + d, rows[i] + d, Width) == 0 ? 1 : 0;
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

// Unsigned times signed bytes, neighbours added in 16 bits: exact while |query| <= 63.
void codeDot(const int8_t* query, const uint8_t* codes, size_t stride, const uint32_t* ids, uint32_t n, uint32_t dim,
             int32_t* out) {
  const __m256i ones = _mm256_set1_epi16(1);
  for (uint32_t i = 0; i < n; ++i) {
    const uint8_t* row = codes + ids[i] * stride;
    __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    uint32_t d = 0;
    for (; d + 64 <= dim; d += 64) {
      for (uint32_t half = 0; half < 2; ++half) {
        const __m256i products = _mm256_maddubs_epi16(load(row + d + half * 32), load(query + d + half * 32));
        sums[half] = _mm256_add_epi32(sums[half], _mm256_madd_epi16(products, ones));
      }
    }
    for (; d + 32 <= dim; d += 32) {
      sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(_mm256_maddubs_epi16(load(row + d), load(query + d)), ones));
    }
    int32_t total = sumOf(_mm256_add_epi32(sums[0], sums[1]));
    for (; d < dim; ++d) total += query[d] * row[d];
    out[i] = total;
  }
}

void codeDotWide(const int8_t* query, const uint8_t* codes, size_t stride, const uint32_t* ids, uint32_t n, uint32_t dim,
                 int32_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    const uint8_t* row = codes + ids[i] * stride;
    __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    uint32_t d = 0;
    for (; d + 32 <= dim; d += 32) {
      for (uint32_t half = 0; half < 2; ++half) {
        const __m256i products = _mm256_madd_epi16(widenUnsigned(row + d + half * 16), widenSigned(query + d + half * 16));
        sums[half] = _mm256_add_epi32(sums[half], products);
      }
    }
    int32_t total = sumOf(_mm256_add_epi32(sums[0], sums[1]));
    for (; d < dim; ++d) total += query[d] * row[d];
    out[i] = total;
  }
}

}  // namespace

void fillAvx2(KernelTable& table) {
  table.isa = Isa::avx2;
  table.name = "avx2";
  table.f32 = rows::floatKernels<F32>();
  table.f16 = rows::floatKernels<F16>();
  table.bf16 = rows::floatKernels<Bf16>();
  table.i8 = {i8Rows<false>, i8Rows<true>, i8DotNorm};
  table.binary = {hamming, overlap, equalElements};
  table.code = {63, codeDot, codeDotWide};
  table.list = avx2Lists();
  table.term = avx2Terms();
}

}  // namespace redkite
