#include "hnsw-file.h"

#include <cstring>
#include <string>

#include "redkite/crc32c.h"

namespace redkite {
namespace {

/// Empty when every count is within its bounds.
std::string countsProblem(const HnswHeader& h) {
  const auto number = [](const char* name, uint64_t value) { return std::string(name) + " is " + std::to_string(value); };
  if (h.type > static_cast<uint8_t>(VectorType::binary)) return number("vector type", h.type);
  const VectorType type = static_cast<VectorType>(h.type);
  if (h.metric > static_cast<uint8_t>(kLastMetric) || !metricIndexed(type, static_cast<Metric>(h.metric))) {
    return number("metric", h.metric);
  }
  if (h.dim == 0 || h.dim > (type == VectorType::binary ? kDimMax * 8 : kDimMax)) return number("dimension", h.dim);
  if (h.rows > kRowsMax) return number("row count", h.rows);
  if (h.nodes > h.rows) return number("node count", h.nodes);
  if (h.m < kLinksMMin || h.m > kLinksMMax) return number("M", h.m);
  if (h.slots != linkSlots(h.m)) return number("link slot count", h.slots);
  if (h.nodes == 0 ? h.entry != kNoNode : h.entry >= h.rows) return number("entry", h.entry);
  if (h.levels > kLevelsMax) return number("level count", h.levels);
  if (h.upperNodes > h.nodes || (h.upperNodes == 0) != (h.levels == 0)) return number("upper node count", h.upperNodes);
  for (uint32_t level = 0; level < kLevelsMax; ++level) {
    const uint32_t above = level == 0 ? h.upperNodes : h.levelNodes[level - 1];
    const bool there = level < h.levels;
    if (h.levelNodes[level] > above || there != (h.levelNodes[level] > 0)) return number("size of a level", h.levelNodes[level]);
  }
  if (h.levels > 0 && h.levelNodes[0] != h.upperNodes) return number("size of level 1", h.levelNodes[0]);
  const NodeCodes codes = codesOf(h);
  if (codes > NodeCodes::productAlone || (codes != NodeCodes::none && type == VectorType::binary)) return number("code kind", h.codeKind);
  if (const uint32_t copy = h.codeKind >> 24; copy != 0) {
    const Refine refine = static_cast<Refine>(copy);
    const bool known = h.version >= 3 && copy <= static_cast<uint32_t>(kLastRefine) && isCopy(refine) && refineOf(type, refine) == refine;
    if (!known || (codes != NodeCodes::u8 && codes != NodeCodes::product)) return number("copy of the rows", copy);
  }
  if (isProduct(codes)) {
    const uint32_t nbits = h.codeKind >> 8 & 255;
    const uint32_t levels = h.codeKind >> 16 & 255;
    if (nbits == 0 || nbits > 8 || levels == 0 || levels > kProductLevelsMax) return number("code kind", h.codeKind);
    if (h.codeStride == 0 || h.codeStride % levels != 0 || h.dim % (h.codeStride / levels) != 0) return number("code stride", h.codeStride);
  } else {
    if ((h.codeKind & 0x00ffff00u) != 0) return number("code kind", h.codeKind);
    if (h.codeStride != (isScalar(codes) ? codeStrideOf(h.dim) : 0)) return number("code stride", h.codeStride);
  }
  return {};
}

}  // namespace

HnswParts HnswParts::of(const uint8_t* data) {
  HnswParts parts;
  std::memcpy(&parts.header, data, sizeof(HnswHeader));
  const HnswHeader& h = parts.header;
  if (h.version >= 2) parts.curves = reinterpret_cast<const WidthCurves*>(data + sizeof(HnswHeader));
  parts.upperRows = reinterpret_cast<const uint32_t*>(data + h.upperRowsAt);
  parts.upperLinks = reinterpret_cast<const uint32_t*>(data + h.upperLinksAt);
  const float* center = h.centerAt == 0 ? nullptr : reinterpret_cast<const float*>(data + h.centerAt);
  parts.center = h.metric == static_cast<uint8_t>(Metric::l2) ? center : nullptr;
  parts.books = isProduct(codesOf(h)) ? center + h.dim : nullptr;
  parts.biases = h.biasesAt == 0 ? nullptr : reinterpret_cast<const float*>(data + h.biasesAt);
  parts.codes = h.codesAt == 0 ? nullptr : data + h.codesAt;
  parts.links = reinterpret_cast<const uint32_t*>(data + h.linksAt);
  parts.copy = isCopy(refineOf(h)) ? data + copyAt(h) : nullptr;
  return parts;
}

Result<HnswIndex> HnswIndex::open(const uint8_t* data, size_t bytes) {
  const auto bad = [](std::string why) { return Result<HnswIndex>{Status::corrupted("HNSW index: " + std::move(why)), {}}; };
  if (data == nullptr || bytes < sizeof(HnswHeader)) return bad(std::to_string(bytes) + " bytes are too few for a header");
  if (reinterpret_cast<uintptr_t>(data) % 64 != 0) {
    return {Status::invalid("HNSW index: the bytes are not 64-byte aligned"), {}};
  }
  HnswHeader header;
  std::memcpy(&header, data, sizeof(header));
  if (header.magic != kHnswMagic) return bad("the magic number is wrong");
  if (header.version == 0 || header.version > kHnswVersion) return bad("version " + std::to_string(header.version) + " is not known");
  if (header.crc != crc32c(data, offsetof(HnswHeader, crc))) return bad("the header's checksum does not match");
  if (std::string problem = countsProblem(header); !problem.empty()) return bad(std::move(problem));
  HnswHeader placed = header;
  placeSections(placed);
  if (std::memcmp(&placed, &header, sizeof(header)) != 0) return bad("a section is not where it belongs");
  if (header.bytes != bytes) {
    return bad("the file has " + std::to_string(bytes) + " bytes, its header says " + std::to_string(header.bytes));
  }
  HnswIndex index;
  index.data_ = data;
  index.bytes_ = bytes;
  index.info_ = {static_cast<VectorType>(header.type), static_cast<Metric>(header.metric), header.dim, header.rows, header.nodes,
                 header.m, header.efConstruction, header.levels, header.codeKind != 0, refineOf(header)};
  return {{}, index};
}

Status HnswIndex::verify() const {
  if (data_ == nullptr) return Status::invalid("HNSW index: not opened");
  const HnswParts parts = HnswParts::of(*this);
  const uint32_t* checksums = reinterpret_cast<const uint32_t*>(data_ + parts.header.checksumsAt);
  const uint64_t blocks = checksumBlocks(parts.header);
  for (uint64_t block = 0; block < blocks; ++block) {
    const uint64_t begin = sizeof(HnswHeader) + block * kChecksumBlock;
    const uint64_t left = parts.header.checksumsAt - begin;
    const uint64_t size = left < kChecksumBlock ? left : kChecksumBlock;
    if (crc32c(data_ + begin, size) != checksums[block]) {
      return Status::corrupted("HNSW index: block " + std::to_string(block) + " of " + std::to_string(blocks) +
                               " does not match its checksum");
    }
  }
  return {};
}

}  // namespace redkite
