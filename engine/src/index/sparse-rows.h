// Reading the pairs of a sparse row.
#pragma once

#include <cstring>
#include <string>

#include "redkite/types.h"

namespace redkite {

inline uint32_t indexAt(const SparseRow& row, uint32_t pair) {
  uint32_t value;
  std::memcpy(&value, row.data + size_t{pair} * 8, 4);
  return value;
}

inline float valueAt(const SparseRow& row, uint32_t pair) {
  float value;
  std::memcpy(&value, row.data + size_t{pair} * 8 + 4, 4);
  return value;
}

/// Whether a row is whole; `name` says whose it is.
inline Status checkSparseRow(const SparseRow& row, const char* name, uint32_t index) {
  if (row.bytes % 8 != 0) {
    return Status::invalid(std::string(name) + " " + std::to_string(index) + " has " + std::to_string(row.bytes) +
                           " bytes, not a multiple of 8");
  }
  for (uint32_t pair = 1; pair < row.bytes / 8; ++pair) {
    if (indexAt(row, pair) <= indexAt(row, pair - 1)) {
      return Status::invalid(std::string(name) + " " + std::to_string(index) + " has index " + std::to_string(indexAt(row, pair)) +
                             " after " + std::to_string(indexAt(row, pair - 1)) + ", indices must ascend");
    }
  }
  return {};
}

}  // namespace redkite
