// The header of a sparse index file and how its lists lie in it (docs/internals/sparse-index-file.md).
#pragma once

#include <cstdint>

namespace redkite {

inline constexpr uint32_t kSparseMagic = 0x50534b52;  // "RKSP"
inline constexpr uint16_t kSparseVersion = 2;
/// Knows neither BM25 nor codes.
inline constexpr uint16_t kSparseVersionFirst = 1;

struct SparseHeader {
  uint32_t magic;
  uint16_t version;
  uint8_t metric;
  uint8_t reserved;
  uint32_t rows;
  uint32_t lists;
  uint64_t postings;
  uint64_t dimensionsAt;
  uint64_t startsAt;
  uint64_t boundsAt;
  uint64_t postingsAt;
  uint64_t valuesAt;
  uint64_t bytes;
  // Zero in version 1 from here to the checksums.
  uint64_t placesAt;
  uint64_t lengthsAt;
  uint64_t postingBytes;
  float k1;
  float b;
  float avgdl;
  float leastTerm;
  float mostTerm;
  float longest;
  uint32_t sectionsCrc;
  uint32_t crc;
};
static_assert(sizeof(SparseHeader) == 128);

/// Fills in every offset and the total from the counts, `postingBytes` and whether there are lengths.
inline void placeSections(SparseHeader& header, bool lengths) {
  const bool first = header.version == kSparseVersionFirst;
  uint64_t at = sizeof(SparseHeader);
  const auto place = [&at](uint64_t bytes) {
    const uint64_t begin = at;
    at = (at + bytes + 63) / 64 * 64;
    return begin;
  };
  header.dimensionsAt = place(uint64_t{header.lists} * 4);
  header.startsAt = place((uint64_t{header.lists} + 1) * 8);
  header.boundsAt = place(uint64_t{header.lists} * 8);
  header.placesAt = first ? 0 : place((uint64_t{header.lists} + 1) * 8);
  header.postingsAt = place(first ? header.postings * 4 : header.postingBytes);
  header.valuesAt = place(header.postings * 4);
  header.lengthsAt = lengths ? place(uint64_t{header.rows} * 4) : 0;
  header.bytes = at;
}

/// Rows of the blocks that ranks count by.
inline constexpr uint32_t kRankRows = 64;

/// Lists that at least an eighth of the rows are in have a code for each row of the column, where adding them all up takes less than going
/// from posting to posting. In small columns they would be larger for nothing.
inline constexpr uint32_t kDenseRowsMin = 128;
inline bool isDense(uint64_t postings, uint32_t rows) { return rows >= kDenseRowsMin && postings * 8 >= rows; }

inline uint32_t rankBlocks(uint32_t rows) { return (rows + kRankRows - 1) / kRankRows; }

/// Bytes of a list in the section of postings, a multiple of 4.
inline uint64_t listBytes(uint64_t postings, uint32_t rows) {
  if (isDense(postings, rows)) return uint64_t{rankBlocks(rows)} * (kRankRows + 4);
  return postings * 4 + (postings + 3) / 4 * 4;
}

/// One list of an opened file.
struct PostingList {
  uint64_t postings = 0;
  const float* values = nullptr;
  /// Rows, ascending; null in a dense list.
  const uint32_t* rows = nullptr;
  /// One for each posting (null in version 1), or for each row in a dense list, where 0 stands for none.
  const uint8_t* codes = nullptr;
  /// Of a dense list: postings before each block of kRankRows rows.
  const uint32_t* ranks = nullptr;
};

/// An entry is at most this share of the list's largest one, in steps of 1 / kCodeMost.
inline constexpr uint32_t kCodeMost = 255;

}  // namespace redkite
