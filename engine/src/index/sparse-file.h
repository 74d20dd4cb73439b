// The header of a sparse index file (docs/internals/sparse-index-file.md).
#pragma once

#include <cstdint>

namespace redkite {

inline constexpr uint32_t kSparseMagic = 0x50534b52;  // "RKSP"
inline constexpr uint16_t kSparseVersion = 1;

struct SparseHeader {
  uint32_t magic;
  uint16_t version;
  uint16_t reserved;
  uint32_t rows;
  uint32_t lists;
  uint64_t postings;
  uint64_t dimensionsAt;
  uint64_t startsAt;
  uint64_t boundsAt;
  uint64_t rowsAt;
  uint64_t valuesAt;
  uint64_t bytes;
  uint8_t unused[48];
  uint32_t sectionsCrc;
  uint32_t crc;
};
static_assert(sizeof(SparseHeader) == 128);

/// Fills in every offset and the total from the counts.
inline void placeSections(SparseHeader& header) {
  uint64_t at = sizeof(SparseHeader);
  const auto place = [&at](uint64_t bytes) {
    const uint64_t begin = at;
    at = (at + bytes + 63) / 64 * 64;
    return begin;
  };
  header.dimensionsAt = place(uint64_t{header.lists} * 4);
  header.startsAt = place((uint64_t{header.lists} + 1) * 8);
  header.boundsAt = place(uint64_t{header.lists} * 8);
  header.rowsAt = place(header.postings * 4);
  header.valuesAt = place(header.postings * 4);
  header.bytes = at;
}

}  // namespace redkite
