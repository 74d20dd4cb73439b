// Hashes of primary keys (docs/internals/key-index.md). Stored in files: never change them under version 1.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace redkite::segment {

inline uint64_t mix(uint64_t z) {
  z ^= z >> 30;
  z *= 0xbf58476d1ce4e5b9ull;
  z ^= z >> 27;
  z *= 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

inline uint64_t foldedMultiply(uint64_t a, uint64_t b) {
  const unsigned __int128 p = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(p) ^ static_cast<uint64_t>(p >> 64);
}

inline uint64_t hashInt64(int64_t key) { return mix(static_cast<uint64_t>(key)); }

/** `seed` 0 is the stored hash; tables in memory use a secret one. */
inline uint64_t hashBytes(std::string_view key, uint64_t seed = 0) {
  uint64_t h = (key.size() * 0x9e3779b97f4a7c15ull) ^ seed;
  for (size_t at = 0; at < key.size(); at += 8) {
    uint64_t w = 0;
    std::memcpy(&w, key.data() + at, key.size() - at < 8 ? key.size() - at : 8);
    h = foldedMultiply(h ^ w, 0xa0761d6478bd642full) ^ std::rotl(w, 29);
  }
  return mix(h);
}

}  // namespace redkite::segment
