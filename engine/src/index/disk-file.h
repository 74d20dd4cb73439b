// The header of a DISKANN file, the places of its sections and of the nodes in its blocks (docs/internals/disk-index-file.md).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "product-codes.h"
#include "redkite/disk-index.h"

namespace redkite {

static_assert(std::endian::native == std::endian::little, "files are read in place");

inline constexpr uint32_t kDiskMagic = 0x41444b52;  // "RKDA"
inline constexpr uint16_t kDiskVersion = 1;
inline constexpr uint32_t kDiskPage = 4096;
inline constexpr uint64_t kDiskChecksumBlock = uint64_t{1} << 20;
/// No row: ends links, and stands in the unused places of a block.
inline constexpr uint32_t kNoRow = 0xffffffffu;
inline constexpr uint32_t kDiskSearchListMax = 65536;

struct DiskHeader {
  uint32_t magic;
  uint16_t version;
  uint8_t type;
  uint8_t metric;
  uint32_t dim;
  uint32_t rows;
  uint32_t nodes;
  uint32_t maxDegree;
  uint32_t searchList;
  uint32_t starts;
  uint32_t subs;
  uint32_t blocks;
  uint32_t cachedBlocks;
  uint32_t blockBytes;
  uint32_t nodesPerBlock;
  uint32_t zero;
  uint64_t seed;
  uint64_t centerAt;
  uint64_t codesAt;
  uint64_t placesAt;
  uint64_t startsAt;
  uint64_t checksumsAt;
  uint64_t blocksAt;
  uint64_t bytes;
  uint8_t zeros[132];
  uint32_t crc;
};
static_assert(sizeof(DiskHeader) == 256);

/// Rows where walks begin: the middle one and as many others as the root of their number. From one alone a walk does not find into clusters that lie
/// apart.
inline uint32_t diskStarts(uint32_t nodes) {
  uint32_t starts = 0;
  while (starts < 1024 && uint64_t{starts} * starts < nodes) ++starts;
  return starts;
}

/// Codes of `subs` bytes. The last dimensions of a row that does not divide are zeros.
inline ProductShape diskShape(uint32_t dim, uint32_t subs) { return {(dim + subs - 1) / subs * subs, subs, 1, 8}; }

/// Row id, links, vector.
inline uint32_t diskNodeBytes(const DiskHeader& h) {
  return static_cast<uint32_t>((4 + size_t{h.maxDegree} * 4 + rowBytes(static_cast<VectorType>(h.type), h.dim) + 3) / 4 * 4);
}

/// As many whole nodes in a page as fit in front of its checksum; larger nodes have pages of their own.
inline void shapeBlocks(DiskHeader& h) {
  const uint32_t node = diskNodeBytes(h);
  h.blockBytes = (node + 4 + kDiskPage - 1) / kDiskPage * kDiskPage;
  h.nodesPerBlock = (h.blockBytes - 4) / node;
  h.blocks = (h.nodes + h.nodesPerBlock - 1) / h.nodesPerBlock;
}

inline uint64_t diskChecksums(const DiskHeader& h) { return (h.checksumsAt - sizeof(DiskHeader) + kDiskChecksumBlock - 1) / kDiskChecksumBlock; }

/// Fills in every offset and the total from the counts, which must be within their bounds.
inline void placeSections(DiskHeader& h) {
  uint64_t at = sizeof(DiskHeader);
  const auto place = [&at](uint64_t bytes, uint64_t alignment) {
    at = (at + alignment - 1) / alignment * alignment;
    const uint64_t begin = at;
    at += bytes;
    return begin;
  };
  const ProductShape shape = diskShape(h.dim, h.subs);
  h.centerAt = place((h.dim + shape.bookFloats()) * 4, 64);
  h.codesAt = place(uint64_t{h.rows} * h.subs, 64);
  h.placesAt = place(uint64_t{h.rows} * 4, 64);
  h.startsAt = place(uint64_t{h.starts} * 4, 64);
  h.checksumsAt = place(0, 64);
  at += diskChecksums(h) * 4;
  h.blocksAt = place(uint64_t{h.blocks} * h.blockBytes, kDiskPage);
  h.bytes = at;
}

/// Typed pointers into an opened file.
struct DiskParts {
  DiskHeader header;
  const uint8_t* data;
  const float* center;
  const float* books;
  const uint8_t* codes;    ///< [rows][subs]
  const uint32_t* places;  ///< [rows]: block times nodesPerBlock and place in the block
  const uint32_t* starts;  ///< rows where walks begin

  static DiskParts of(const uint8_t* data) {
    DiskParts parts;
    std::memcpy(&parts.header, data, sizeof(DiskHeader));
    const DiskHeader& h = parts.header;
    parts.data = data;
    parts.center = reinterpret_cast<const float*>(data + h.centerAt);
    parts.books = parts.center + h.dim;
    parts.codes = data + h.codesAt;
    parts.places = reinterpret_cast<const uint32_t*>(data + h.placesAt);
    parts.starts = reinterpret_cast<const uint32_t*>(data + h.startsAt);
    return parts;
  }
  static DiskParts of(const DiskIndex& index) { return of(index.data_); }
  static int descriptorOf(const DiskIndex& index) { return index.descriptor_; }

  const uint8_t* block(uint32_t index) const { return data + header.blocksAt + uint64_t{index} * header.blockBytes; }
};

/// A node in a block that is in memory.
struct DiskNode {
  const uint8_t* at;
  uint32_t maxDegree;

  uint32_t row() const { return word(0); }
  uint32_t link(uint32_t i) const { return word(1 + i); }
  const uint8_t* vector() const { return at + 4 + size_t{maxDegree} * 4; }

 private:
  uint32_t word(uint32_t i) const {
    uint32_t value;
    std::memcpy(&value, at + size_t{i} * 4, 4);
    return value;
  }
};

inline DiskNode nodeIn(const DiskHeader& h, const uint8_t* block, uint32_t place) { return {block + size_t{place} * diskNodeBytes(h), h.maxDegree}; }

/// Whether a block is what was written.
bool isWhole(const DiskHeader& h, const uint8_t* block);

}  // namespace redkite
