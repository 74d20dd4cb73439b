// Inverted lists with VNNI: rows are the unsigned side, so that four products and their sum are one instruction. Calls nothing outside
// this file.
// GCC 12 warns about the deliberately undefined registers inside its own header.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include "../tables.h"

namespace redkite {
namespace {

__m512i fourOf(const int8_t* p) {
  int32_t value;
  __builtin_memcpy(&value, p, 4);
  return _mm512_set1_epi32(value);
}

template <uint32_t Q>
inline __attribute__((always_inline)) void dotsOf(const int8_t* const* queries, const uint8_t* packed, uint32_t groups, int32_t* sums) {
  // One query would wait for its own sums: two groups at a time then.
  constexpr uint32_t chains = Q <= 2 ? 2 : 1;
  __m512i sum[chains][Q][2];
  for (uint32_t c = 0; c < chains; ++c)
    for (uint32_t q = 0; q < Q; ++q) sum[c][q][0] = sum[c][q][1] = _mm512_setzero_si512();
  const auto step = [&](uint32_t chain, uint32_t g) __attribute__((always_inline)) {
    const __m512i low = _mm512_loadu_si512(packed + size_t{g} * 128);
    const __m512i high = _mm512_loadu_si512(packed + size_t{g} * 128 + 64);
    for (uint32_t q = 0; q < Q; ++q) {
      const __m512i query = fourOf(queries[q] + size_t{g} * 4);
      sum[chain][q][0] = _mm512_dpbusd_epi32(sum[chain][q][0], low, query);
      sum[chain][q][1] = _mm512_dpbusd_epi32(sum[chain][q][1], high, query);
    }
  };
  uint32_t g = 0;
  for (; g + chains <= groups; g += chains)
    for (uint32_t c = 0; c < chains; ++c) step(c, g + c);
  for (; g < groups; ++g) step(0, g);
  for (uint32_t q = 0; q < Q; ++q) {
    for (uint32_t i = 0; i < 2; ++i) {
      __m512i total = sum[0][q][i];
      for (uint32_t c = 1; c < chains; ++c) total = _mm512_add_epi32(total, sum[c][q][i]);
      _mm512_storeu_si512(sums + q * kBlockRows + i * 16, total);
    }
  }
}

void dots(const int8_t* const* queries, uint32_t nq, const uint8_t* packed, uint32_t groups, int32_t* sums) {
  static_assert(kListQueries == 8);
  if (nq == 8) return dotsOf<8>(queries, packed, groups, sums);
  if (nq >= 4) {
    dotsOf<4>(queries, packed, groups, sums);
    nq -= 4;
    queries += 4;
    sums += 4 * kBlockRows;
  }
  if (nq >= 2) {
    dotsOf<2>(queries, packed, groups, sums);
    nq -= 2;
    queries += 2;
    sums += 2 * kBlockRows;
  }
  if (nq == 1) dotsOf<1>(queries, packed, groups, sums);
}

}  // namespace

void improveListsByAvx512Vnni(ListKernels& lists) { lists.dots = dots; }

}  // namespace redkite
