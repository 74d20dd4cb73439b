// Primary keys in bulk, as calls bring them.
#pragma once

#include <cstdint>
#include <string_view>

#include "column.h"
#include "key-hash.h"

namespace redkite::segment {

/** Borrowed: int64 values, or varchar bytes with count + 1 rising offsets. */
struct KeysView {
  bool varchar = false;
  uint32_t count = 0;
  const int64_t* values = nullptr;
  const int32_t* offsets = nullptr;
  const uint8_t* bytes = nullptr;

  std::string_view text(uint32_t i) const {
    return {reinterpret_cast<const char*>(bytes) + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i])};
  }
  /** The stored hash (docs/internals/key-index.md). */
  uint64_t hash(uint32_t i) const { return varchar ? hashBytes(text(i)) : hashInt64(values[i]); }
};

/** Whether row `row` of the key column holds key `i`. */
inline bool sameKey(const ColumnView& column, uint32_t row, const KeysView& keys, uint32_t i) {
  return keys.varchar ? column.bytesAt(row) == keys.text(i) : column.as<int64_t>()[row] == keys.values[i];
}

inline uint64_t keyHashAt(const ColumnView& column, uint32_t row) {
  return column.kind == Kind::bytes ? hashBytes(column.bytesAt(row)) : hashInt64(column.as<int64_t>()[row]);
}

}  // namespace redkite::segment
