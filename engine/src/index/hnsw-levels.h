// The level of a row: depends on seed and row alone, so that threads and the order of rows cannot change it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "hnsw-file.h"

namespace redkite {

inline uint64_t mixBits(uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

inline uint32_t hnswLevelOf(uint64_t seed, uint32_t row, uint32_t m) {
  const double uniform = (static_cast<double>(mixBits(mixBits(seed) ^ row) >> 11) + 0.5) * 0x1p-53;
  return std::min(kLevelsMax, static_cast<uint32_t>(-std::log(uniform) / std::log(static_cast<double>(m))));
}

}  // namespace redkite
