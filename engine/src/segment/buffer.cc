#include "buffer.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "redkite/disk-index.h"

namespace redkite::segment {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kPage = 4096;
/** From here on huge pages are worth their rounding. */
constexpr size_t kHugeFrom = 4 * kHugePage;
constexpr size_t kBytesMax = size_t{1} << 46;

std::atomic<uint64_t> heldBytes{0};

std::string reason() { return std::strerror(errno); }

void* mapPages(size_t bytes) {
  return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

}  // namespace

Buffer::Buffer(uint8_t* data, size_t size, size_t reserved, Kind kind)
    : data_(data), size_(size), reserved_(reserved), kind_(kind) {
  if (kind_ != Kind::file) heldBytes.fetch_add(reserved_, std::memory_order_relaxed);
}

Buffer::~Buffer() {
  switch (kind_) {
    case Kind::heap:
      std::free(data_);
      break;
    case Kind::pages:
      munmap(data_, reserved_);
      break;
    case Kind::adopted:
      AlignedBytes::free(data_);
      break;
    case Kind::file:
      if (reserved_ > 0) munmap(data_, reserved_);
      if (reads_ >= 0) close(reads_);
      return;
  }
  heldBytes.fetch_sub(reserved_, std::memory_order_relaxed);
}

Status Buffer::allocate(size_t bytes, std::shared_ptr<Buffer>& out) {
  if (bytes > kBytesMax) return outOfMemory("cannot allocate " + std::to_string(bytes) + " bytes of native memory");
  // Never an empty range: every buffer has an address of its own.
  const size_t reserved = alignUp(bytes == 0 ? 1 : bytes);
  if (reserved >= kHugeFrom) {
    void* data = mapPages(reserved);
    if (data == MAP_FAILED) {
      return outOfMemory("cannot allocate " + std::to_string(bytes) + " bytes of native memory: " + reason());
    }
    madvise(data, reserved, MADV_HUGEPAGE);
    out.reset(new Buffer(static_cast<uint8_t*>(data), bytes, reserved, Kind::pages));
    return good();
  }
  void* data = std::aligned_alloc(kAlignment, reserved);
  if (data == nullptr) return outOfMemory("cannot allocate " + std::to_string(bytes) + " bytes of native memory");
  std::memset(data, 0, reserved);
  out.reset(new Buffer(static_cast<uint8_t*>(data), bytes, reserved, Kind::heap));
  return good();
}

Status Buffer::mapFile(int descriptor, std::shared_ptr<Buffer>& out) {
  struct stat info {};
  if (fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) return Status::invalid("only a regular file can be mapped");
  const size_t size = static_cast<size_t>(info.st_size);
  if (size == 0) {
    static uint8_t none[kAlignment] = {};
    out.reset(new Buffer(none, 0, 0, Kind::file));
    return good();
  }
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) return outOfMemory("cannot map a file of " + std::to_string(size) + " bytes: " + reason());
  out.reset(new Buffer(static_cast<uint8_t*>(data), size, size, Kind::file));
  // The caller's descriptor is gone by the time an index is attached. One that cannot be had is no reason to fail: the mapping has it all.
  if (DiskIndex::recognises(out->data(), size)) out->reads_ = DiskIndex::openForReads(descriptor);
  return good();
}

std::shared_ptr<Buffer> Buffer::adopt(AlignedBytes bytes) {
  const size_t size = bytes.size();
  return std::shared_ptr<Buffer>(new Buffer(bytes.release(), size, size, Kind::adopted));
}

Status Region::reserve(size_t bytes, std::shared_ptr<Region>& out) {
  const size_t capacity = alignUp(bytes == 0 ? 1 : bytes, kPage);
  void* data = bytes > kBytesMax ? MAP_FAILED : mapPages(capacity);
  if (data == MAP_FAILED) return outOfMemory("cannot reserve " + std::to_string(bytes) + " bytes of address space");
  out.reset(new Region(static_cast<uint8_t*>(data), capacity));
  return good();
}

Region::~Region() {
  munmap(data_, capacity_);
  heldBytes.fetch_sub(used_, std::memory_order_relaxed);
}

void Region::charge(size_t used) {
  const size_t rounded = alignUp(used, kPage);
  if (rounded <= used_) return;
  heldBytes.fetch_add(rounded - used_, std::memory_order_relaxed);
  used_ = rounded;
  // Small segments stay on small pages; one that has grown large gets huge ones for what follows.
  if (used_ >= kHugeFrom && adviseFrom_ == 0) {
    adviseFrom_ = used_;
    madvise(data_, capacity_, MADV_HUGEPAGE);
  }
}

void changeHeldBytes(int64_t change) { heldBytes.fetch_add(static_cast<uint64_t>(change), std::memory_order_relaxed); }

uint64_t nativeMemoryBytes() { return heldBytes.load(std::memory_order_relaxed); }

}  // namespace redkite::segment
