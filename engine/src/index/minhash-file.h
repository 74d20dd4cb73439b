// The header of a MINHASH_LSH file and the places of its sections (docs/internals/minhash-index-file.md).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "redkite/minhash-index.h"

namespace redkite {

inline constexpr uint32_t kMinHashMagic = 0x484d4b52;  // "RKMH"
inline constexpr uint16_t kMinHashVersion = 1;
inline constexpr uint64_t kMinHashChecksumBlock = uint64_t{1} << 20;
inline constexpr uint32_t kRowsPerBucket = 4;

struct MinHashHeader {
  uint32_t magic;
  uint16_t version;
  uint8_t type;
  uint8_t metric;
  uint32_t dim;
  uint32_t rows;
  uint32_t nodes;
  uint32_t elementBytes;
  uint32_t bands;
  uint32_t bandElements;
  uint32_t bucketBits;
  uint32_t unused;
  uint64_t startsAt;
  uint64_t entriesAt;
  uint64_t checksumsAt;
  uint64_t bytes;
  uint8_t zeros[180];
  uint32_t crc;
};
static_assert(sizeof(MinHashHeader) == 256);

/// The fewest bits that leave kRowsPerBucket rows or fewer for each bucket.
inline uint32_t bucketBitsFor(uint32_t nodes) {
  return static_cast<uint32_t>(std::bit_width((std::max(nodes, 1u) - 1) / kRowsPerBucket));
}

inline uint64_t startsOfBand(const MinHashHeader& h) { return (uint64_t{1} << h.bucketBits) + 1; }

inline uint64_t checksumBlocks(const MinHashHeader& h) {
  return (h.checksumsAt - sizeof(MinHashHeader) + kMinHashChecksumBlock - 1) / kMinHashChecksumBlock;
}

/// Fills in every offset and the total from the counts, which must be within their bounds.
inline void placeSections(MinHashHeader& h) {
  uint64_t at = sizeof(MinHashHeader);
  const auto place = [&at](uint64_t bytes) {
    const uint64_t begin = (at + 63) / 64 * 64;
    at = begin + bytes;
    return begin;
  };
  h.startsAt = place(h.bands * startsOfBand(h) * 4);
  h.entriesAt = place(uint64_t{h.bands} * h.nodes * 8);
  h.checksumsAt = place(0);
  at += checksumBlocks(h) * 4;
  h.bytes = at;
}

/// Number of the bucket of a band's hash.
inline uint32_t bucketOf(const MinHashHeader& h, uint64_t hash) {
  return h.bucketBits == 0 ? 0 : static_cast<uint32_t>(hash >> (64 - h.bucketBits));
}

/// An entry sorts by tag, then by row.
inline uint64_t entryOf(uint64_t hash, uint32_t row) { return hash << 32 | row; }

/// Typed pointers into an opened file.
struct MinHashParts {
  MinHashHeader header;
  const uint32_t* starts;   ///< [bands][buckets + 1]
  const uint64_t* entries;  ///< [bands][nodes]

  explicit MinHashParts(const MinHashIndex& index) {
    std::memcpy(&header, index.data_, sizeof(header));
    starts = reinterpret_cast<const uint32_t*>(index.data_ + header.startsAt);
    entries = reinterpret_cast<const uint64_t*>(index.data_ + header.entriesAt);
  }
};

}  // namespace redkite
