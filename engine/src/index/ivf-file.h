// The header of an inverted file and the places of its sections (docs/internals/ivf-index-file.md).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "redkite/ivf.h"
#include "redkite/kernels.h"
#include "refine-rows.h"
#include "width-curves.h"

namespace redkite {

static_assert(std::endian::native == std::endian::little, "files are read in place");

inline constexpr uint32_t kIvfMagic = 0x56494b52;  // "RKIV"
inline constexpr uint16_t kIvfVersion = 3;
inline constexpr uint64_t kIvfChecksumBlock = uint64_t{1} << 20;
/// Sign flips and half transforms of a rotation.
inline constexpr uint32_t kRotationRounds = 4;

struct IvfHeader {
  uint32_t magic;
  uint16_t version;
  uint8_t kind;
  uint8_t type;
  uint8_t metric;
  uint8_t nbits;
  uint8_t refine;
  uint8_t reserved;
  uint32_t dim;
  uint32_t rows;
  uint32_t nodes;
  uint32_t lists;
  uint32_t subs;
  uint32_t blocks;
  uint32_t unused;
  uint64_t seed;
  uint64_t centerAt;
  uint64_t centroidsAt;
  uint64_t coarseCodesAt;
  uint64_t coarseRowsAt;
  uint64_t startsAt;
  uint64_t sizesAt;
  uint64_t idsAt;
  uint64_t factorsAt;
  uint64_t codesAt;
  uint64_t codebooksAt;
  uint64_t checksumsAt;
  uint64_t bytes;
  uint64_t copyAt;
  uint8_t zeros[100];
  uint32_t crc;
};
static_assert(sizeof(IvfHeader) == 256);

/// Groups of four dimensions in 8-bit codes.
inline uint32_t codeGroups(uint32_t dim) { return (dim + 3) / 4; }

/// Table entries of a subspace as they lie in memory.
inline uint32_t tableEntries(uint32_t nbits) { return nbits <= 4 ? 16 : 256; }

inline bool isProduct(IvfKind kind) { return kind == IvfKind::pq || kind == IvfKind::scann; }

/// Bytes of the codes of one block.
inline uint64_t blockBytes(const IvfHeader& h) {
  switch (static_cast<IvfKind>(h.kind)) {
    case IvfKind::flat:
    case IvfKind::sq8: return uint64_t{codeGroups(h.dim)} * kBlockRows * 4;
    case IvfKind::binary: return uint64_t{h.dim} / 8 * kBlockRows;
    default: return h.nbits <= 4 ? uint64_t{codeGroups(h.subs)} * 64 : uint64_t{h.subs} * kBlockRows;
  }
}

/// Arrays of kBlockRows floats of each block, in this order: scale, constant, error, length.
inline uint32_t factorArrays(const IvfHeader& h) {
  switch (static_cast<IvfKind>(h.kind)) {
    case IvfKind::flat: return 4;
    case IvfKind::sq8:
    case IvfKind::rabitq: return 2;
    case IvfKind::binary: return 0;
    default: return h.metric == static_cast<uint8_t>(Metric::l2) ? 1 : 0;
  }
}

inline uint64_t coarseBlocks(const IvfHeader& h) { return (uint64_t{h.lists} + kBlockRows - 1) / kBlockRows; }

inline uint64_t codebookFloats(const IvfHeader& h) {
  const IvfKind kind = static_cast<IvfKind>(h.kind);
  if (kind == IvfKind::rabitq) return uint64_t{kRotationRounds} * h.dim;
  return isProduct(kind) ? uint64_t{h.dim} * tableEntries(h.nbits) : 0;
}

inline Refine refineOf(const IvfHeader& h) { return static_cast<Refine>(h.refine); }

inline uint64_t checksumBlocks(const IvfHeader& h) {
  return (h.checksumsAt - sizeof(IvfHeader) + kIvfChecksumBlock - 1) / kIvfChecksumBlock;
}

/// Fills in every offset and the total from the counts, which must be within their bounds.
inline void placeSections(IvfHeader& h) {
  uint64_t at = sizeof(IvfHeader) + (h.version >= 2 ? sizeof(WidthCurves) : 0);
  const auto place = [&at](uint64_t bytes, uint64_t alignment = 64) {
    at = (at + alignment - 1) / alignment * alignment;
    const uint64_t begin = at;
    at += bytes;
    return begin;
  };
  const bool binary = h.kind == static_cast<uint8_t>(IvfKind::binary);
  h.centerAt = place(binary ? 0 : uint64_t{h.dim} * 4);
  h.centroidsAt = place(uint64_t{h.lists} * (binary ? h.dim / 8 : uint64_t{h.dim} * 4));
  h.coarseCodesAt = place(binary ? 0 : coarseBlocks(h) * codeGroups(h.dim) * kBlockRows * 4);
  h.coarseRowsAt = place(binary ? 0 : coarseBlocks(h) * 2 * kBlockRows * 4);
  h.startsAt = place((uint64_t{h.lists} + 1) * 4);
  h.sizesAt = place(uint64_t{h.lists} * 4);
  h.codebooksAt = place(codebookFloats(h) * 4);
  h.idsAt = place(uint64_t{h.blocks} * kBlockRows * 4);
  h.factorsAt = place(uint64_t{h.blocks} * factorArrays(h) * kBlockRows * 4);
  h.codesAt = place(uint64_t{h.blocks} * blockBytes(h), 4096);
  h.copyAt = isCopy(refineOf(h)) ? place(copyBytes(refineOf(h), h.dim, h.rows), 4096) : 0;
  h.checksumsAt = place(0);
  at += checksumBlocks(h) * 4;
  h.bytes = at;
}

/// Typed pointers into an opened file.
struct IvfParts {
  IvfHeader header;
  const WidthCurves* curves = nullptr;  ///< null where the file is of version 1
  const float* center;
  const uint8_t* centroids;
  const uint8_t* coarseCodes;
  const float* coarseRows;  ///< [coarse blocks][scale, constant][kBlockRows]
  const uint32_t* starts;   ///< [lists + 1] blocks
  const uint32_t* sizes;    ///< [lists] rows
  const float* codebooks;
  const uint32_t* ids;      ///< [blocks][kBlockRows]
  const float* factors;     ///< [blocks][factorArrays][kBlockRows]
  const uint8_t* codes;     ///< [blocks][blockBytes]
  const uint8_t* copy;      ///< of the rows; null where there is none

  static IvfParts of(const uint8_t* data);
  static IvfParts of(const IvfIndex& index) { return of(index.data_); }

  /// A damaged file's bounds are cut to what is there.
  uint32_t firstBlock(uint32_t list) const { return std::min(starts[list], header.blocks); }
  uint32_t listRows(uint32_t list) const {
    const uint64_t room = uint64_t{std::max(std::min(starts[list + 1], header.blocks), firstBlock(list)) - firstBlock(list)} * kBlockRows;
    return static_cast<uint32_t>(std::min<uint64_t>(sizes[list], room));
  }
  const float* centroid(uint32_t list) const { return reinterpret_cast<const float*>(centroids) + size_t{list} * header.dim; }
};

}  // namespace redkite
