// The blocks of a DISKANN file: those in memory at once, the others from its descriptor, several together, each compared with its checksum.
#pragma once

#include <cstdint>

#include "disk-file.h"
#include "read-ring.h"

namespace redkite {

/// Of one thread; keeps its buffers and its ring between searches and files.
class BlockReader {
 public:
  static constexpr uint32_t kBlocksMax = ReadRing::kReadsMax;

  explicit BlockReader(DiskReads reads) : wantsRing_(reads == DiskReads::automatic) {}

  /// out[i] is where blocks[i] lies until the next call; `n` is at most kBlocksMax, every block below the file's count.
  Status read(const DiskParts& parts, int descriptor, const uint32_t* blocks, uint32_t n, const uint8_t** out);

  /// Pages of 4 KiB that came from descriptors.
  uint64_t pages() const { return pages_; }

 private:
  bool wantsRing_;
  ReadRing ring_;
  AlignedBytes memory_;
  uint64_t pages_ = 0;
};

}  // namespace redkite
