#include "redkite/crc32c.h"

#include <array>
#include <cstring>

#if defined(__SSE4_2__)
#include <nmmintrin.h>
#endif

namespace redkite {

uint32_t crc32c(const void* data, size_t bytes, uint32_t seed) {
  const uint8_t* at = static_cast<const uint8_t*>(data);
  uint32_t crc = ~seed;
#if defined(__SSE4_2__)
  // Part of the x86-64-v2 baseline.
  uint64_t wide = crc;
  for (; bytes >= 8; bytes -= 8, at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    wide = _mm_crc32_u64(wide, word);
  }
  crc = static_cast<uint32_t>(wide);
  for (; bytes > 0; --bytes, ++at) crc = _mm_crc32_u8(crc, *at);
#else
  static constexpr std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> entries{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78u : 0u);
      entries[i] = value;
    }
    return entries;
  }();
  for (; bytes > 0; --bytes, ++at) crc = table[(crc ^ *at) & 0xff] ^ (crc >> 8);
#endif
  return ~crc;
}

}  // namespace redkite
