// Sums over lists of terms with AVX-512 F and BW; calls nothing outside this file.
// GCC 12 warns about the deliberately undefined registers inside its own header.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include "../tables.h"

namespace redkite {
namespace {

void addCodes(const uint8_t* codes, uint32_t n, uint16_t factor, uint16_t* sums) {
  const __m512i by = _mm512_set1_epi16(static_cast<int16_t>(factor));
  for (uint32_t i = 0; i < n; i += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + i));
    const __m512i code = _mm512_slli_epi16(_mm512_cvtepu8_epi16(bytes), 8);
    const __m512i sum = _mm512_adds_epu16(_mm512_loadu_si512(sums + i), _mm512_mulhi_epu16(code, by));
    _mm512_storeu_si512(sums + i, sum);
  }
}

void above(const uint16_t* sums, uint32_t n, uint16_t bar, uint64_t* out) {
  const __m512i least = _mm512_set1_epi16(static_cast<int16_t>(bar));
  for (uint32_t first = 0; first < n; first += 64) {
    const uint64_t low = _mm512_cmpgt_epu16_mask(_mm512_loadu_si512(sums + first), least);
    const uint64_t high = _mm512_cmpgt_epu16_mask(_mm512_loadu_si512(sums + first + 32), least);
    out[first / 64] = low | high << 32;
  }
}

}  // namespace

TermKernels avx512Terms() { return {addCodes, above}; }

}  // namespace redkite
