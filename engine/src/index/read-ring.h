// Several reads of a file at once: the kernel's ring of requests (io_uring, by its three system calls), of which no more is used than that.
#pragma once

#include <cstdint>

namespace redkite {

/// One read; `result` is bytes read or a negated errno.
struct DiskRead {
  uint64_t offset = 0;
  uint8_t* to = nullptr;
  uint32_t bytes = 0;
  int32_t result = 0;
};

/// Of one thread. Move only.
class ReadRing {
 public:
  static constexpr uint32_t kReadsMax = 64;

  ReadRing() = default;
  ~ReadRing() { close(); }
  ReadRing(ReadRing&& other) noexcept { *this = static_cast<ReadRing&&>(other); }
  ReadRing& operator=(ReadRing&& other) noexcept;

  /// False where the system has no such ring or does not let us use it.
  bool open();
  bool isOpen() const { return ring_ >= 0; }
  /// At most kReadsMax reads; returns when all have ended.
  void read(int descriptor, DiskRead* reads, uint32_t n);

 private:
  void close();

  int ring_ = -1;
  uint8_t* queues_ = nullptr;
  uint64_t queuesBytes_ = 0;
  uint8_t* entries_ = nullptr;
  uint64_t entriesBytes_ = 0;
  uint32_t* submitTail_ = nullptr;
  uint32_t* submitIndexes_ = nullptr;
  uint32_t submitMask_ = 0;
  uint32_t* doneHead_ = nullptr;
  uint32_t* doneTail_ = nullptr;
  uint8_t* done_ = nullptr;
  uint32_t doneMask_ = 0;
};

/// One after the other, each whole or with the reason why not. Finishes what a ring left short.
void readSingly(int descriptor, DiskRead* reads, uint32_t n);

}  // namespace redkite
