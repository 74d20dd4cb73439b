// Bitmaps over rows: 64 rows a word, least significant bit first.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

namespace redkite::segment {

inline constexpr uint32_t wordsFor(uint32_t rows) { return static_cast<uint32_t>((uint64_t{rows} + 63) / 64); }

/** Bits of the last word that belong to `rows` rows; all when rows is a multiple of 64. */
inline constexpr uint64_t lastWordMask(uint32_t rows) { return rows % 64 == 0 ? ~uint64_t{0} : (uint64_t{1} << rows % 64) - 1; }

inline uint32_t countBits(const uint64_t* words, uint32_t rows) {
  uint32_t total = 0;
  for (uint32_t i = 0; i < wordsFor(rows); i++) total += static_cast<uint32_t>(std::popcount(words[i]));
  return total;
}

/** Calls visit(row) for each set bit, ascending, until it returns false. */
template <typename Visit>
void forEachBit(const uint64_t* words, uint32_t rows, Visit visit) {
  for (uint32_t i = 0; i < wordsFor(rows); i++) {
    for (uint64_t word = words[i]; word != 0; word &= word - 1) {
      if (!visit(i * 64 + static_cast<uint32_t>(std::countr_zero(word)))) return;
    }
  }
}

}  // namespace redkite::segment
