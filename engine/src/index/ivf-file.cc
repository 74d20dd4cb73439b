#include "ivf-file.h"

#include <cstring>
#include <string>

#include "redkite/crc32c.h"

namespace redkite {
namespace {

/// Empty when every count is within its bounds.
std::string countsProblem(const IvfHeader& h) {
  const auto number = [](const char* name, uint64_t value) { return std::string(name) + " is " + std::to_string(value); };
  if (h.kind > static_cast<uint8_t>(IvfKind::binary)) return number("kind", h.kind);
  const IvfKind kind = static_cast<IvfKind>(h.kind);
  const bool binary = kind == IvfKind::binary;
  if (binary ? h.type != static_cast<uint8_t>(VectorType::binary) : h.type > static_cast<uint8_t>(VectorType::i8)) return number("vector type", h.type);
  if (h.metric > static_cast<uint8_t>(kLastMetric) || !metricIndexed(static_cast<VectorType>(h.type), static_cast<Metric>(h.metric))) {
    return number("metric", h.metric);
  }
  if (h.dim == 0 || h.dim > (binary ? kDimMax * 8 : kDimMax) || (binary && h.dim % 8 != 0)) return number("dimension", h.dim);
  if (h.rows > kRowsMax) return number("row count", h.rows);
  if (h.nodes > h.rows) return number("indexed row count", h.nodes);
  if (h.lists == 0 || h.lists > kIvfListsMax) return number("list count", h.lists);
  const Refine refine = refineOf(h);
  const bool copied = isCopy(refine);
  if (h.refine > static_cast<uint8_t>(kLastRefine) || (copied && (h.version < 3 || refineOf(static_cast<VectorType>(h.type), refine) != refine))) {
    return number("refine", h.refine);
  }
  if (isProduct(kind)) {
    if (h.nbits == 0 || h.nbits > 8) return number("bit count", h.nbits);
    if (h.subs == 0 || h.subs > h.dim || h.dim % h.subs != 0) return number("subspace count", h.subs);
  } else if (kind == IvfKind::rabitq ? h.subs != codeGroups(h.dim) || h.nbits != 4 : h.subs != 0 || h.nbits != 0) {
    return number("subspace count", h.subs);
  }
  if (h.blocks > h.nodes / kBlockRows + uint64_t{h.lists} || uint64_t{h.blocks} * kBlockRows < h.nodes) return number("block count", h.blocks);
  return {};
}

}  // namespace

IvfParts IvfParts::of(const uint8_t* data) {
  IvfParts parts;
  std::memcpy(&parts.header, data, sizeof(IvfHeader));
  const IvfHeader& h = parts.header;
  if (h.version >= 2) parts.curves = reinterpret_cast<const WidthCurves*>(data + sizeof(IvfHeader));
  parts.center = reinterpret_cast<const float*>(data + h.centerAt);
  parts.centroids = data + h.centroidsAt;
  parts.coarseCodes = data + h.coarseCodesAt;
  parts.coarseRows = reinterpret_cast<const float*>(data + h.coarseRowsAt);
  parts.starts = reinterpret_cast<const uint32_t*>(data + h.startsAt);
  parts.sizes = reinterpret_cast<const uint32_t*>(data + h.sizesAt);
  parts.codebooks = reinterpret_cast<const float*>(data + h.codebooksAt);
  parts.ids = reinterpret_cast<const uint32_t*>(data + h.idsAt);
  parts.factors = reinterpret_cast<const float*>(data + h.factorsAt);
  parts.codes = data + h.codesAt;
  parts.copy = h.copyAt == 0 ? nullptr : data + h.copyAt;
  return parts;
}

bool IvfIndex::recognises(const uint8_t* data, size_t bytes) { return bytes >= 4 && std::memcmp(data, &kIvfMagic, 4) == 0; }

Result<IvfIndex> IvfIndex::open(const uint8_t* data, size_t bytes) {
  const auto bad = [](std::string why) { return Result<IvfIndex>{Status::corrupted("IVF index: " + std::move(why)), {}}; };
  if (data == nullptr || bytes < sizeof(IvfHeader)) return bad(std::to_string(bytes) + " bytes are too few for a header");
  if (reinterpret_cast<uintptr_t>(data) % 64 != 0) return {Status::invalid("IVF index: the bytes are not 64-byte aligned"), {}};
  IvfHeader header;
  std::memcpy(&header, data, sizeof(header));
  if (header.magic != kIvfMagic) return bad("the magic number is wrong");
  if (header.version == 0 || header.version > kIvfVersion) return bad("version " + std::to_string(header.version) + " is not known");
  if (header.crc != crc32c(data, offsetof(IvfHeader, crc))) return bad("the header's checksum does not match");
  if (std::string problem = countsProblem(header); !problem.empty()) return bad(std::move(problem));
  IvfHeader placed = header;
  placeSections(placed);
  if (std::memcmp(&placed, &header, sizeof(header)) != 0) return bad("a section is not where it belongs");
  if (header.bytes != bytes) {
    return bad("the file has " + std::to_string(bytes) + " bytes, its header says " + std::to_string(header.bytes));
  }
  IvfIndex index;
  index.data_ = data;
  index.bytes_ = bytes;
  index.info_ = {static_cast<IvfKind>(header.kind), static_cast<VectorType>(header.type), static_cast<Metric>(header.metric), header.dim, header.rows,
                 header.nodes, header.lists, header.subs, header.nbits, refineOf(header)};
  return {{}, index};
}

Status IvfIndex::verify() const {
  if (data_ == nullptr) return Status::invalid("IVF index: not opened");
  const IvfParts parts = IvfParts::of(*this);
  const uint32_t* checksums = reinterpret_cast<const uint32_t*>(data_ + parts.header.checksumsAt);
  const uint64_t blocks = checksumBlocks(parts.header);
  for (uint64_t block = 0; block < blocks; ++block) {
    const uint64_t begin = sizeof(IvfHeader) + block * kIvfChecksumBlock;
    const uint64_t size = std::min(parts.header.checksumsAt - begin, kIvfChecksumBlock);
    if (crc32c(data_ + begin, size) != checksums[block]) {
      return Status::corrupted("IVF index: block " + std::to_string(block) + " of " + std::to_string(blocks) + " does not match its checksum");
    }
  }
  return {};
}

}  // namespace redkite
