// Memory outside the JavaScript heap: allocations, read-only file mappings, and address ranges reserved for growth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "redkite/hnsw.h"

#include "status.h"

namespace redkite::segment {

inline constexpr size_t kAlignment = 64;

constexpr uint64_t alignUp(uint64_t value, uint64_t alignment = kAlignment) {
  return (value + alignment - 1) / alignment * alignment;
}

/** Bytes that any thread may read while it holds a reference. */
class Buffer {
 public:
  /** Zeroed and 64-byte aligned. Large ones ask for huge pages. */
  static Status allocate(size_t bytes, std::shared_ptr<Buffer>& out);
  /**
   * The whole file behind a descriptor, read-only; the descriptor may be closed afterwards. The file must neither shrink nor change
   * while it is mapped.
   */
  static Status mapFile(int descriptor, std::shared_ptr<Buffer>& out);

  /** Takes over memory of the vector core. */
  static std::shared_ptr<Buffer> adopt(AlignedBytes bytes);

  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  /** The descriptor by which a mapped DISKANN index reads past its mapping, else -1. Closed with the buffer. */
  int reads() const { return reads_; }
  bool mapped() const { return kind_ == Kind::file; }
  /** Null for a mapped file, which nobody writes. */
  uint8_t* writable() { return mapped() ? nullptr : data_; }

 private:
  enum class Kind : uint8_t { heap, pages, file, adopted };
  Buffer(uint8_t* data, size_t size, size_t reserved, Kind kind);

  uint8_t* data_;
  size_t size_;
  size_t reserved_;
  Kind kind_;
  int reads_ = -1;
};

/**
 * A range of addresses whose pages read as zeros and come into being when they are written: memory that can grow without moving.
 * `charge` tells the process-wide count how much of it is really used.
 */
class Region {
 public:
  static Status reserve(size_t bytes, std::shared_ptr<Region>& out);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  uint8_t* data() const { return data_; }
  size_t capacity() const { return capacity_; }
  size_t used() const { return used_; }
  /** Bytes from the start that are now written. Called by the one writer. */
  void charge(size_t used);

 private:
  Region(uint8_t* data, size_t capacity) : data_(data), capacity_(capacity) {}

  uint8_t* data_;
  size_t capacity_;
  size_t used_ = 0;
  size_t adviseFrom_ = 0;
};

/** Counts memory that is held elsewhere on behalf of segments. */
void changeHeldBytes(int64_t change);

/** Bytes held by all buffers and regions of the process, without file mappings. */
uint64_t nativeMemoryBytes();

}  // namespace redkite::segment
