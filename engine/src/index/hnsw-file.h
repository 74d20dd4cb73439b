// The header of an HNSW file and the places of its sections (docs/internals/hnsw-index-file.md).
#pragma once

#include <bit>
#include <cstdint>

#include "hnsw-walk.h"
#include "product-codes.h"
#include "redkite/hnsw.h"
#include "refine-rows.h"
#include "width-curves.h"

namespace redkite {

static_assert(std::endian::native == std::endian::little, "files are read in place");

inline constexpr uint32_t kHnswMagic = 0x4e484b52;  // "RKHN"
inline constexpr uint16_t kHnswVersion = 3;
inline constexpr uint32_t kLevelsMax = 31;
inline constexpr uint32_t kNoNode = 0xffffffffu;
inline constexpr uint32_t kLinksMMin = 2;
inline constexpr uint32_t kLinksMMax = 2048;
inline constexpr uint64_t kChecksumBlock = uint64_t{1} << 20;

struct HnswHeader {
  uint32_t magic;
  uint16_t version;
  uint8_t type;
  uint8_t metric;
  uint32_t dim;
  uint32_t rows;
  uint32_t nodes;
  uint32_t m;
  uint32_t efConstruction;
  uint32_t entry;
  uint64_t seed;
  uint32_t upperNodes;
  uint32_t levels;
  uint32_t slots;
  uint32_t codeKind;
  uint32_t codeStride;
  float codeScale;
  uint64_t upperRowsAt;
  uint64_t upperLinksAt;
  uint64_t centerAt;
  uint64_t biasesAt;
  uint64_t codesAt;
  uint64_t linksAt;
  uint64_t checksumsAt;
  uint64_t bytes;
  uint32_t levelNodes[kLevelsMax];
  uint32_t crc;
};
static_assert(sizeof(HnswHeader) == 256);

/// What a node is compared by: the low byte of the header's code kind. For product codes the next two bytes are their bits and levels. The last
/// byte is the copy that the best are ranked again on, where there is one.
enum class NodeCodes : uint8_t {
  none = 0,          ///< the raw rows
  u8 = 1,            ///< 8-bit codes, then the copy or the raw rows
  u8Alone = 2,       ///< 8-bit codes
  product = 3,       ///< product codes, then the copy or the raw rows
  productAlone = 4,  ///< product codes
};
inline NodeCodes codesOf(const HnswHeader& header) { return static_cast<NodeCodes>(header.codeKind & 255); }
inline bool isScalar(NodeCodes codes) { return codes == NodeCodes::u8 || codes == NodeCodes::u8Alone; }
inline bool isProduct(NodeCodes codes) { return codes == NodeCodes::product || codes == NodeCodes::productAlone; }
inline bool isAlone(NodeCodes codes) { return codes == NodeCodes::u8Alone || codes == NodeCodes::productAlone; }

inline uint32_t codeKindOf(NodeCodes codes, uint32_t nbits = 0, uint32_t levels = 0) { return static_cast<uint32_t>(codes) | nbits << 8 | levels << 16; }
inline uint32_t codeKindWith(uint32_t codeKind, Refine copy) { return (codeKind & 0x00ffffffu) | (isCopy(copy) ? static_cast<uint32_t>(copy) << 24 : 0); }
inline Refine refineOf(const HnswHeader& header) {
  const Refine copy = static_cast<Refine>(header.codeKind >> 24);
  return isCopy(copy) ? copy : isAlone(codesOf(header)) ? Refine::none : Refine::rows;
}
inline constexpr uint32_t kProductLevelsMax = 16;

/// Of a header with product codes whose counts are within their bounds.
inline ProductShape productShapeOf(const HnswHeader& header) {
  const uint32_t levels = header.codeKind >> 16 & 255;
  return {header.dim, header.codeStride / levels, levels, header.codeKind >> 8 & 255};
}

inline uint32_t linkSlots(uint32_t m) { return (2 * m + 15) / 16 * 16; }
inline uint32_t codeStrideOf(uint32_t dim) { return (dim + 63) / 64 * 64; }

inline uint64_t upperLinkCount(const HnswHeader& header) {
  uint64_t total = 0;
  for (uint32_t level = 0; level < header.levels; ++level) total += uint64_t{header.levelNodes[level]} * header.m;
  return total;
}

inline uint64_t checksumBlocks(const HnswHeader& header) {
  return (header.checksumsAt - sizeof(HnswHeader) + kChecksumBlock - 1) / kChecksumBlock;
}

inline constexpr uint64_t kCopyAlignment = 4096;
/// Where the copy begins, if there is one: behind the links.
inline uint64_t copyAt(const HnswHeader& header) {
  const uint64_t end = header.linksAt + uint64_t{header.rows} * header.slots * 4;
  return (end + kCopyAlignment - 1) / kCopyAlignment * kCopyAlignment;
}

/// Fills in every offset and the total from the counts, which must be within their bounds.
inline void placeSections(HnswHeader& header) {
  uint64_t at = sizeof(HnswHeader) + (header.version >= 2 ? sizeof(WidthCurves) : 0);
  const auto place = [&at](uint64_t bytes, uint64_t alignment) {
    at = (at + alignment - 1) / alignment * alignment;
    const uint64_t begin = at;
    at += bytes;
    return begin;
  };
  const bool coded = header.codeKind != 0;
  const bool product = isProduct(codesOf(header));
  const bool centered = coded && header.metric == static_cast<uint8_t>(Metric::l2);
  header.upperRowsAt = place(uint64_t{header.upperNodes} * 4, 64);
  header.upperLinksAt = place(upperLinkCount(header) * 4, 64);
  // Codebooks lie behind the center, which product codes always have.
  const uint64_t books = product ? productShapeOf(header).bookFloats() : 0;
  header.centerAt = centered || product ? place((header.dim + books) * 4, 64) : 0;
  header.biasesAt = centered ? place(uint64_t{header.rows} * 4, 64) : 0;
  header.codesAt = coded ? place(uint64_t{header.rows} * header.codeStride, 4096) : 0;
  header.linksAt = place(uint64_t{header.rows} * header.slots * 4, 4096);
  if (isCopy(refineOf(header))) place(copyBytes(refineOf(header), header.dim, header.rows), kCopyAlignment);
  header.checksumsAt = place(0, 64);
  at += checksumBlocks(header) * 4;
  header.bytes = at;
}

/// Typed pointers into an opened file.
struct HnswParts {
  HnswHeader header;
  const WidthCurves* curves = nullptr;  ///< null where the file is of version 1 or there is none
  const uint32_t* upperRows;
  const uint32_t* upperLinks;
  const float* center;
  const float* books;  ///< null without product codes
  const float* biases;
  const uint8_t* codes;
  const uint32_t* links;
  const uint8_t* copy = nullptr;  ///< null where the rows are ranked on, or nothing

  static HnswParts of(const uint8_t* data);
  static HnswParts of(const HnswIndex& index) { return of(index.data_); }
};

/// What a graph that still grows has beside its parts: how many of its rows have links, and its upper levels: positions on level l, and the same
/// node's position one level below.
struct GrowingLevels {
  uint32_t linked = 0;
  uint32_t count = 0;
  Layer layers[kLevelsMax + 1];
  const uint32_t* down[kLevelsMax + 1];
};

/// The ef that keeps params.recallTarget; params.ef where there is none.
uint32_t efOf(const WidthCurves* curves, const SearchParams& params, uint32_t nodes);

/// Searches a graph given by its parts; its header's levels count only without `growing`.
Status searchGraph(const HnswParts& parts, const GrowingLevels* growing, const VectorView& view, const uint8_t* queries, uint32_t nq,
                   const Bitset& visible, const SearchParams& params, CancelToken cancel, HnswScratch& scratch, const HitBuffer& out,
                   SearchStats* stats);

}  // namespace redkite
