#include "block-reader.h"

#include <cstring>
#include <string>

namespace redkite {

Status BlockReader::read(const DiskParts& parts, int descriptor, const uint32_t* blocks, uint32_t n, const uint8_t** out) {
  const DiskHeader& h = parts.header;
  const auto named = [&](uint32_t block) { return "DISKANN index: block " + std::to_string(block) + " of " + std::to_string(h.blocks); };
  DiskRead reads[kBlocksMax];
  uint32_t of[kBlocksMax];
  uint32_t wanted = 0;
  for (uint32_t i = 0; i < n; ++i) {
    out[i] = parts.block(blocks[i]);
    if (blocks[i] >= h.cachedBlocks && descriptor >= 0) of[wanted++] = i;
  }
  if (wanted > 0) {
    // Room to start on a page, which reads past the page cache ask for.
    const size_t bytes = size_t{kBlocksMax} * h.blockBytes + kDiskPage;
    if (memory_.size() < bytes) {
      memory_ = AlignedBytes::allocate(bytes);
      if (memory_.data() == nullptr) return Status::outOfMemory();
    }
    uint8_t* to = memory_.data() + (kDiskPage - reinterpret_cast<uintptr_t>(memory_.data()) % kDiskPage) % kDiskPage;
    for (uint32_t i = 0; i < wanted; ++i, to += h.blockBytes) {
      reads[i] = {h.blocksAt + uint64_t{blocks[of[i]]} * h.blockBytes, to, h.blockBytes, 0};
      out[of[i]] = to;
    }
    if (wantsRing_ && !ring_.isOpen()) wantsRing_ = ring_.open();
    if (wantsRing_ && wanted > 1) ring_.read(descriptor, reads, wanted);
    else readSingly(descriptor, reads, wanted);
    for (uint32_t i = 0; i < wanted; ++i) {
      // A ring may give less than was asked for, or refuse what a plain read does not.
      if (reads[i].result != static_cast<int32_t>(h.blockBytes)) readSingly(descriptor, &reads[i], 1);
      if (reads[i].result < 0) return Status::corrupted(named(blocks[of[i]]) + " cannot be read: " + std::strerror(-reads[i].result));
      if (reads[i].result != static_cast<int32_t>(h.blockBytes)) return Status::corrupted(named(blocks[of[i]]) + " ends behind the file");
    }
    pages_ += uint64_t{wanted} * (h.blockBytes / kDiskPage);
  }
  for (uint32_t i = 0; i < n; ++i) {
    if (blocks[i] >= h.cachedBlocks && !isWhole(h, out[i])) return Status::corrupted(named(blocks[i]) + " does not match its checksum");
  }
  return {};
}

}  // namespace redkite
