// Tables of 256 entries in four registers, with VBMI. Calls nothing outside this file.
// GCC 12 warns about the deliberately undefined registers inside its own header.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include "../tables.h"

namespace redkite {
namespace {

void lookup8(const uint8_t* tables, const uint8_t* codes, uint32_t subs, uint32_t blocks, int32_t* sums) {
  const uint8_t* second = codes + (blocks == 2 ? size_t{subs} * kBlockRows : 0);
  // As in lookup4: both bytes of a pair, and the upper alone.
  __m512i both = _mm512_setzero_si512();
  __m512i upper = _mm512_setzero_si512();
  for (uint32_t s = 0; s < subs; ++s) {
    const uint8_t* table = tables + size_t{s} * 256;
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + size_t{s} * kBlockRows));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(second + size_t{s} * kBlockRows));
    const __m512i code = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    const __m512i below = _mm512_permutex2var_epi8(_mm512_loadu_si512(table), code, _mm512_loadu_si512(table + 64));
    const __m512i above = _mm512_permutex2var_epi8(_mm512_loadu_si512(table + 128), code, _mm512_loadu_si512(table + 192));
    const __m512i found = _mm512_mask_blend_epi8(_mm512_movepi8_mask(code), below, above);
    both = _mm512_add_epi16(both, found);
    upper = _mm512_add_epi16(upper, _mm512_srli_epi16(found, 8));
  }
  const __m512i lower = _mm512_sub_epi16(both, _mm512_slli_epi16(upper, 8));
  alignas(64) uint16_t even[32];
  alignas(64) uint16_t odd[32];
  _mm512_store_si512(even, lower);
  _mm512_store_si512(odd, upper);
  for (uint32_t i = 0; i < blocks * 16; ++i) {
    sums[i * 2] = even[i];
    sums[i * 2 + 1] = odd[i];
  }
}

}  // namespace

void improveByAvx512Vbmi(KernelTable& table) { table.list.lookup8 = lookup8; }

}  // namespace redkite
