#include "disk-file.h"

#include <string>

#include "redkite/crc32c.h"

#if defined(__linux__)
#include <fcntl.h>
#include <unistd.h>
#endif

namespace redkite {
namespace {

/// Empty when every count is within its bounds.
std::string countsProblem(const DiskHeader& h) {
  const auto number = [](const char* name, uint64_t value) { return std::string(name) + " is " + std::to_string(value); };
  if (h.type > static_cast<uint8_t>(VectorType::i8)) return number("vector type", h.type);
  if (h.metric > static_cast<uint8_t>(kLastMetric) || !metricIndexed(static_cast<VectorType>(h.type), static_cast<Metric>(h.metric))) return number("metric", h.metric);
  if (h.dim == 0 || h.dim > kDimMax) return number("dimension", h.dim);
  if (h.rows > kRowsMax) return number("row count", h.rows);
  if (h.nodes > h.rows) return number("node count", h.nodes);
  if (h.maxDegree == 0 || h.maxDegree > kDiskDegreeMax) return number("max_degree", h.maxDegree);
  if (h.searchList == 0 || h.searchList > kDiskSearchListMax) return number("search_list_size", h.searchList);
  if (h.starts != diskStarts(h.nodes)) return number("start count", h.starts);
  if (h.subs == 0 || h.subs > h.dim) return number("subspace count", h.subs);
  if (h.cachedBlocks > h.blocks) return number("cached block count", h.cachedBlocks);
  return {};
}

}  // namespace

bool isWhole(const DiskHeader& h, const uint8_t* block) {
  uint32_t crc;
  std::memcpy(&crc, block + h.blockBytes - 4, 4);
  return crc == crc32c(block, h.blockBytes - 4);
}

bool DiskIndex::recognises(const uint8_t* data, size_t bytes) { return bytes >= 4 && std::memcmp(data, &kDiskMagic, 4) == 0; }

int DiskIndex::openForReads(int descriptor) {
#if defined(__linux__)
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  const int direct = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
  return direct >= 0 ? direct : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
#else
  return -1;
#endif
}

Result<DiskIndex> DiskIndex::open(const uint8_t* data, size_t bytes, int descriptor) {
  const auto bad = [](std::string why) { return Result<DiskIndex>{Status::corrupted("DISKANN index: " + std::move(why)), {}}; };
  if (data == nullptr || bytes < sizeof(DiskHeader)) return bad(std::to_string(bytes) + " bytes are too few for a header");
  if (reinterpret_cast<uintptr_t>(data) % 64 != 0) return {Status::invalid("DISKANN index: the bytes are not 64-byte aligned"), {}};
  DiskHeader header;
  std::memcpy(&header, data, sizeof(header));
  if (header.magic != kDiskMagic) return bad("the magic number is wrong");
  if (header.version != kDiskVersion) return bad("version " + std::to_string(header.version) + " is not known");
  if (header.crc != crc32c(data, offsetof(DiskHeader, crc))) return bad("the header's checksum does not match");
  if (std::string problem = countsProblem(header); !problem.empty()) return bad(std::move(problem));
  DiskHeader placed = header;
  shapeBlocks(placed);
  placeSections(placed);
  if (std::memcmp(&placed, &header, sizeof(header)) != 0) return bad("a section is not where it belongs");
  if (header.bytes != bytes) return bad("the file has " + std::to_string(bytes) + " bytes, its header says " + std::to_string(header.bytes));
  DiskIndex index;
  index.data_ = data;
  index.bytes_ = bytes;
  index.descriptor_ = descriptor;
  index.info_ = {static_cast<VectorType>(header.type), static_cast<Metric>(header.metric), header.dim, header.rows, header.nodes,
                 header.maxDegree, header.searchList, header.subs, header.blocksAt + uint64_t{header.cachedBlocks} * header.blockBytes};
  return {{}, index};
}

Status DiskIndex::verify() const {
  if (data_ == nullptr) return Status::invalid("DISKANN index: not opened");
  const DiskParts parts = DiskParts::of(*this);
  const DiskHeader& h = parts.header;
  const uint8_t* checksums = data_ + h.checksumsAt;
  for (uint64_t part = 0; part < diskChecksums(h); ++part) {
    const uint64_t begin = sizeof(DiskHeader) + part * kDiskChecksumBlock;
    uint32_t stored;
    std::memcpy(&stored, checksums + part * 4, 4);
    if (crc32c(data_ + begin, std::min(h.checksumsAt - begin, kDiskChecksumBlock)) != stored) {
      return Status::corrupted("DISKANN index: part " + std::to_string(part) + " of " + std::to_string(diskChecksums(h)) + " in memory does not match its checksum");
    }
  }
  for (uint32_t block = 0; block < h.blocks; ++block) {
    if (!isWhole(h, parts.block(block))) return Status::corrupted("DISKANN index: block " + std::to_string(block) + " of " + std::to_string(h.blocks) + " does not match its checksum");
  }
  return {};
}

}  // namespace redkite
