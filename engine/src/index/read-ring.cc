#include "read-ring.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#if defined(__linux__) && __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#define REDKITE_HAS_RING 1
#else
#define REDKITE_HAS_RING 0
#endif

namespace redkite {

ReadRing& ReadRing::operator=(ReadRing&& other) noexcept {
  if (this == &other) return *this;
  close();
  ring_ = std::exchange(other.ring_, -1);
  queues_ = std::exchange(other.queues_, nullptr);
  queuesBytes_ = other.queuesBytes_;
  entries_ = std::exchange(other.entries_, nullptr);
  entriesBytes_ = other.entriesBytes_;
  submitTail_ = other.submitTail_;
  submitIndexes_ = other.submitIndexes_;
  submitMask_ = other.submitMask_;
  doneHead_ = other.doneHead_;
  doneTail_ = other.doneTail_;
  done_ = other.done_;
  doneMask_ = other.doneMask_;
  return *this;
}

#if REDKITE_HAS_RING

bool ReadRing::open() {
  io_uring_params params{};
  const long ring = syscall(__NR_io_uring_setup, kReadsMax, &params);
  if (ring < 0) return false;
  ring_ = static_cast<int>(ring);
  // Both queues in one mapping, and reads by address: all that is younger than those has them (Linux 5.6).
  if ((params.features & IORING_FEAT_SINGLE_MMAP) == 0 || (params.features & IORING_FEAT_RW_CUR_POS) == 0) {
    close();
    return false;
  }
  const uint64_t submitBytes = params.sq_off.array + uint64_t{params.sq_entries} * sizeof(uint32_t);
  const uint64_t doneBytes = params.cq_off.cqes + uint64_t{params.cq_entries} * sizeof(io_uring_cqe);
  queuesBytes_ = submitBytes > doneBytes ? submitBytes : doneBytes;
  entriesBytes_ = uint64_t{params.sq_entries} * sizeof(io_uring_sqe);
  void* queues = mmap(nullptr, queuesBytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_, IORING_OFF_SQ_RING);
  if (queues != MAP_FAILED) queues_ = static_cast<uint8_t*>(queues);
  void* entries = mmap(nullptr, entriesBytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_, IORING_OFF_SQES);
  if (entries != MAP_FAILED) entries_ = static_cast<uint8_t*>(entries);
  if (queues_ == nullptr || entries_ == nullptr) {
    close();
    return false;
  }
  const auto word = [this](uint32_t offset) { return reinterpret_cast<uint32_t*>(queues_ + offset); };
  submitTail_ = word(params.sq_off.tail);
  submitIndexes_ = word(params.sq_off.array);
  submitMask_ = *word(params.sq_off.ring_mask);
  doneHead_ = word(params.cq_off.head);
  doneTail_ = word(params.cq_off.tail);
  done_ = queues_ + params.cq_off.cqes;
  doneMask_ = *word(params.cq_off.ring_mask);
  return true;
}

void ReadRing::read(int descriptor, DiskRead* reads, uint32_t n) {
  uint32_t tail = *submitTail_;
  for (uint32_t i = 0; i < n; ++i, ++tail) {
    const uint32_t place = tail & submitMask_;
    io_uring_sqe entry{};
    entry.opcode = IORING_OP_READ;
    entry.fd = descriptor;
    entry.off = reads[i].offset;
    entry.addr = reinterpret_cast<uint64_t>(reads[i].to);
    entry.len = reads[i].bytes;
    entry.user_data = i;
    std::memcpy(entries_ + place * sizeof(entry), &entry, sizeof(entry));
    submitIndexes_[place] = place;
  }
  __atomic_store_n(submitTail_, tail, __ATOMIC_RELEASE);
  uint32_t submitted = 0;
  for (uint32_t ended = 0; ended < n;) {
    const long taken = syscall(__NR_io_uring_enter, ring_, n - submitted, n - ended, IORING_ENTER_GETEVENTS, nullptr, 0);
    if (taken >= 0) submitted += static_cast<uint32_t>(taken);
    // The buffers belong to the kernel until every read has ended, whatever it says meanwhile.
    else if (errno != EINTR) std::this_thread::yield();
    uint32_t head = *doneHead_;
    for (const uint32_t end = __atomic_load_n(doneTail_, __ATOMIC_ACQUIRE); head != end; ++head, ++ended) {
      io_uring_cqe event;
      std::memcpy(&event, done_ + (head & doneMask_) * sizeof(event), sizeof(event));
      if (event.user_data < n) reads[event.user_data].result = event.res;
    }
    __atomic_store_n(doneHead_, head, __ATOMIC_RELEASE);
  }
}

void ReadRing::close() {
  if (queues_ != nullptr) munmap(queues_, queuesBytes_);
  if (entries_ != nullptr) munmap(entries_, entriesBytes_);
  if (ring_ >= 0) ::close(ring_);
  queues_ = nullptr;
  entries_ = nullptr;
  ring_ = -1;
}

#else

bool ReadRing::open() { return false; }
void ReadRing::read(int descriptor, DiskRead* reads, uint32_t n) { readSingly(descriptor, reads, n); }
void ReadRing::close() {}

#endif

void readSingly(int descriptor, DiskRead* reads, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    DiskRead& read = reads[i];
    read.result = 0;
    while (static_cast<uint32_t>(read.result) < read.bytes) {
      const uint32_t done = static_cast<uint32_t>(read.result);
      const ssize_t got = pread(descriptor, read.to + done, read.bytes - done, static_cast<off_t>(read.offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) read.result = -errno;
      if (got <= 0) break;
      read.result += static_cast<int32_t>(got);
    }
  }
}

}  // namespace redkite
