// One column as readers see it: plain pointers into memory that a layout keeps alive.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "field.h"

namespace redkite::segment {

/**
 * Sealed columns carry Arrow's validity bitmap, growing ones a byte per row (1 = null), which a writer can set beside readers.
 * A column that its file lacks and that has no default is `allNull`: no pointers at all.
 */
struct ColumnView {
  Field field;
  Kind kind = Kind::fixed;
  /** Bytes of one row (fixed) or of one element (list of fixed). */
  uint32_t width = 0;
  bool allNull = false;
  const uint8_t* values = nullptr;
  const int32_t* offsets = nullptr;
  const int32_t* childOffsets = nullptr;
  const uint8_t* validBits = nullptr;
  const uint8_t* nullBytes = nullptr;

  bool isNull(uint32_t row) const {
    if (allNull) return true;
    if (validBits != nullptr) return (validBits[row >> 3] >> (row & 7) & 1) == 0;
    return nullBytes != nullptr && nullBytes[row] != 0;
  }

  /** Whether some row may be null. */
  bool mayBeNull() const { return allNull || validBits != nullptr || nullBytes != nullptr; }

  /** Bits of the rows [first, first + 64) that have a value; `first` is a multiple of 64, rows from `rows` on give 0. */
  uint64_t validWord(uint32_t first, uint32_t rows) const {
    if (first >= rows || allNull) return 0;
    const uint32_t n = rows - first < 64 ? rows - first : 64;
    const uint64_t live = n == 64 ? ~0ull : (1ull << n) - 1;
    if (validBits != nullptr) {
      uint64_t word = 0;
      std::memcpy(&word, validBits + (first >> 3), (n + 7) / 8);
      return word & live;
    }
    if (nullBytes == nullptr) return live;
    uint64_t word = 0;
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) {
      uint64_t eight;
      std::memcpy(&eight, nullBytes + first + i, 8);
      // Gathers the lowest bits of eight bytes that are 0 or 1 into one byte.
      word |= ((eight * 0x0102040810204080ull) >> 56) << i;
    }
    for (; i < n; i++) word |= static_cast<uint64_t>(nullBytes[first + i]) << i;
    return ~word & live;
  }

  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(values);
  }

  std::string_view bytesAt(uint32_t row) const {
    return {reinterpret_cast<const char*>(values) + offsets[row], static_cast<size_t>(offsets[row + 1] - offsets[row])};
  }

  /** Value of an integer column. */
  int64_t integerAt(uint32_t row) const {
    switch (width) {
      case 1:
        return field.type == Type::boolean ? values[row] : as<int8_t>()[row];
      case 2:
        return as<int16_t>()[row];
      case 4:
        return as<int32_t>()[row];
      default:
        return as<int64_t>()[row];
    }
  }

  double floatAt(uint32_t row) const { return width == 4 ? as<float>()[row] : as<double>()[row]; }

  double numberAt(uint32_t row) const {
    return isFloat(field.type) ? floatAt(row) : static_cast<double>(integerAt(row));
  }
};

}  // namespace redkite::segment
