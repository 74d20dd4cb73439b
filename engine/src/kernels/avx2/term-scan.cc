// Sums over lists of terms with AVX2; calls nothing outside this file.
#include <immintrin.h>

#include "../tables.h"

namespace redkite {
namespace {

__m256i load(const uint16_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }

void addCodes(const uint8_t* codes, uint32_t n, uint16_t factor, uint16_t* sums) {
  const __m256i by = _mm256_set1_epi16(static_cast<int16_t>(factor));
  for (uint32_t i = 0; i < n; i += 16) {
    const __m256i code = _mm256_slli_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i))), 8);
    const __m256i sum = _mm256_adds_epu16(load(sums + i), _mm256_mulhi_epu16(code, by));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + i), sum);
  }
}

void above(const uint16_t* sums, uint32_t n, uint16_t bar, uint64_t* out) {
  const __m256i least = _mm256_set1_epi16(static_cast<int16_t>(bar));
  const __m256i zero = _mm256_setzero_si256();
  for (uint32_t first = 0; first < n; first += 64) {
    uint64_t below = 0;
    for (uint32_t i = 0; i < 64; i += 32) {
      const __m256i low = _mm256_cmpeq_epi16(_mm256_subs_epu16(load(sums + first + i), least), zero);
      const __m256i high = _mm256_cmpeq_epi16(_mm256_subs_epu16(load(sums + first + i + 16), least), zero);
      const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
      below |= static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(bytes))) << i;
    }
    out[first / 64] = ~below;
  }
}

}  // namespace

TermKernels avx2Terms() { return {addCodes, above}; }

}  // namespace redkite
