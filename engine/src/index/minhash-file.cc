#include "minhash-file.h"

#include <string>

#include "bands.h"
#include "redkite/crc32c.h"

namespace redkite {
namespace {

/// Empty when every count is within its bounds.
std::string countsProblem(const MinHashHeader& h) {
  const auto number = [](const char* name, uint64_t value) { return std::string(name) + " is " + std::to_string(value); };
  if (h.type != static_cast<uint8_t>(VectorType::binary)) return number("vector type", h.type);
  if (h.metric != static_cast<uint8_t>(Metric::mhjaccard)) return number("metric", h.metric);
  if (h.dim > kDimMax * 8) return number("dimension", h.dim);
  if (Status status = checkMinHash(h.dim, {h.elementBytes, h.bands, false}); !status.ok()) return std::move(status.message);
  if (h.rows > kRowsMax) return number("row count", h.rows);
  if (h.nodes > h.rows) return number("indexed row count", h.nodes);
  const Bands bands(h.dim / 8, {h.elementBytes, h.bands, false});
  if (h.bands != bands.count) return number("band count", h.bands);
  if (h.bandElements != bands.elementsOfOne) return number("element count of a band", h.bandElements);
  if (h.bucketBits != bucketBitsFor(h.nodes)) return number("bit count of a bucket", h.bucketBits);
  return {};
}

}  // namespace

bool MinHashIndex::recognises(const uint8_t* data, size_t bytes) { return bytes >= 4 && std::memcmp(data, &kMinHashMagic, 4) == 0; }

Result<MinHashIndex> MinHashIndex::open(const uint8_t* data, size_t bytes) {
  const auto bad = [](std::string why) { return Result<MinHashIndex>{Status::corrupted("MINHASH_LSH index: " + std::move(why)), {}}; };
  if (data == nullptr || bytes < sizeof(MinHashHeader)) return bad(std::to_string(bytes) + " bytes are too few for a header");
  if (reinterpret_cast<uintptr_t>(data) % 64 != 0) return {Status::invalid("MINHASH_LSH index: the bytes are not 64-byte aligned"), {}};
  MinHashHeader header;
  std::memcpy(&header, data, sizeof(header));
  if (header.magic != kMinHashMagic) return bad("the magic number is wrong");
  if (header.version != kMinHashVersion) return bad("version " + std::to_string(header.version) + " is not known");
  if (header.crc != crc32c(data, offsetof(MinHashHeader, crc))) return bad("the header's checksum does not match");
  if (std::string problem = countsProblem(header); !problem.empty()) return bad(std::move(problem));
  MinHashHeader placed = header;
  placeSections(placed);
  if (std::memcmp(&placed, &header, sizeof(header)) != 0) return bad("a section is not where it belongs");
  if (header.bytes != bytes) {
    return bad("the file has " + std::to_string(bytes) + " bytes, its header says " + std::to_string(header.bytes));
  }
  MinHashIndex index;
  index.data_ = data;
  index.bytes_ = bytes;
  index.info_ = {header.dim, header.rows, header.nodes, header.elementBytes, header.bands};
  return {{}, index};
}

Status MinHashIndex::verify() const {
  if (data_ == nullptr) return Status::invalid("MINHASH_LSH index: not opened");
  const MinHashHeader& header = MinHashParts(*this).header;
  const uint8_t* checksums = data_ + header.checksumsAt;
  const uint64_t blocks = checksumBlocks(header);
  for (uint64_t block = 0; block < blocks; ++block) {
    const uint64_t begin = sizeof(MinHashHeader) + block * kMinHashChecksumBlock;
    const uint32_t crc = crc32c(data_ + begin, std::min(header.checksumsAt - begin, kMinHashChecksumBlock));
    if (std::memcmp(&crc, checksums + block * 4, 4) != 0) {
      return Status::corrupted("MINHASH_LSH index: block " + std::to_string(block) + " of " + std::to_string(blocks) + " does not match its checksum");
    }
  }
  return {};
}

bool MinHashIndex::fits(uint32_t rows, const MinHash& minHash) const {
  if (info_.rows != rows || !checkMinHash(info_.dim, minHash).ok() || info_.elementBytes != minHash.elementBytes) return false;
  return info_.bands == Bands(info_.dim / 8, minHash).count;
}

}  // namespace redkite
