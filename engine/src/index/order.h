// Distances and row ids packed into one integer that sorts by distance, then by row.
#pragma once

#include <bit>
#include <cstdint>

namespace redkite {

/// Ascending in the float; both zeros are equal; NaN must have been replaced before.
inline uint32_t orderedBits(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value + 0.0f);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

inline float floatOfOrdered(uint32_t bits) {
  return std::bit_cast<float>((bits & 0x80000000u) != 0 ? bits & 0x7fffffffu : ~bits);
}

/// High half distance, low half row: smaller is better, equal distances by ascending row.
using RankedRow = uint64_t;

inline RankedRow rankedRow(float distance, uint32_t row) { return uint64_t{orderedBits(distance)} << 32 | row; }
inline float distanceOf(RankedRow ranked) { return floatOfOrdered(static_cast<uint32_t>(ranked >> 32)); }
inline uint32_t rowOf(RankedRow ranked) { return static_cast<uint32_t>(ranked); }

}  // namespace redkite
