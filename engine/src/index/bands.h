// The bands of a MinHash signature: where they lie, whether two rows share one, and their hashes.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include "redkite/types.h"

namespace redkite {

static_assert(std::endian::native == std::endian::little, "hashes of bands are part of a stored format");

/// Whether rows of `dim` bits are signatures of such elements.
inline Status checkMinHash(uint32_t dim, const MinHash& minHash) {
  if (minHash.elementBytes == 0 || minHash.elementBytes > kMinHashElementMax) {
    return Status::invalid("elements of a signature have " + std::to_string(minHash.elementBytes) + " bytes, 1 to " +
                           std::to_string(kMinHashElementMax) + " are allowed");
  }
  if (dim == 0 || dim % (8 * minHash.elementBytes) != 0) {
    return Status::invalid("dimension " + std::to_string(dim) + " is not a multiple of the " + std::to_string(8 * minHash.elementBytes) +
                           " bits of an element");
  }
  if (minHash.bands == 0) return Status::invalid("a signature has 0 bands, it must have at least 1");
  return {};
}

/// `checkMinHash` must have passed.
struct Bands {
  uint32_t elements;
  uint32_t count;
  uint32_t elementsOfOne;
  uint32_t bytesOfOne;

  Bands(uint32_t rowBytes, const MinHash& minHash)
      : elements(rowBytes / minHash.elementBytes),
        count(std::min(minHash.bands, elements)),
        elementsOfOne(elements / count),
        bytesOfOne(elementsOfOne * minHash.elementBytes) {}

  bool equal(const uint8_t* a, const uint8_t* b, uint32_t band) const {
    const size_t at = size_t{band} * bytesOfOne;
    // Unlike bands differ in their first bytes already: no call for them.
    uint32_t left, right;
    if (bytesOfOne >= 4) {
      std::memcpy(&left, a + at, 4);
      std::memcpy(&right, b + at, 4);
      if (left != right) return false;
    }
    return std::memcmp(a + at, b + at, bytesOfOne) == 0;
  }
  bool shared(const uint8_t* a, const uint8_t* b) const {
    for (uint32_t band = 0; band < count; ++band) if (equal(a, b, band)) return true;
    return false;
  }
  /// docs/internals/minhash-index-file.md
  uint64_t hash(const uint8_t* row, uint32_t band) const {
    const uint8_t* from = row + size_t{band} * bytesOfOne;
    uint64_t h = 0;
    for (uint32_t at = 0; at < bytesOfOne; at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, from + at, std::min(8u, bytesOfOne - at));
      h = mix(h ^ word);
    }
    return h;
  }

 private:
  static uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
};

}  // namespace redkite
