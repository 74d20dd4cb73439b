#include <cstdlib>
#include <cstring>

#include "redkite/hnsw.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace redkite {

AlignedBytes AlignedBytes::allocate(size_t bytes) {
  constexpr size_t hugePage = size_t{2} << 20;
  // Large blocks start on huge pages: a graph walk touches a new page with almost every row.
  const size_t alignment = bytes >= hugePage ? hugePage : 64;
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  AlignedBytes result;
  void* memory = bytes == 0 ? nullptr : std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) return result;
#if defined(__linux__)
  if (bytes >= hugePage) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
  std::memset(memory, 0, bytes);
  result.data_ = static_cast<uint8_t*>(memory);
  result.size_ = bytes;
  return result;
}

AlignedBytes& AlignedBytes::operator=(AlignedBytes&& other) noexcept {
  if (this != &other) {
    free(data_);
    data_ = other.data_;
    size_ = other.size_;
    other.data_ = nullptr;
    other.size_ = 0;
  }
  return *this;
}

AlignedBytes::~AlignedBytes() { free(data_); }

uint8_t* AlignedBytes::release() {
  uint8_t* data = data_;
  data_ = nullptr;
  size_ = 0;
  return data;
}

void AlignedBytes::free(uint8_t* data) { std::free(data); }

}  // namespace redkite
