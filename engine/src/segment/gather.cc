#include "gather.h"

#include <algorithm>
#include <cstring>

#include "bitmap.h"

namespace redkite::segment {
namespace {

constexpr uint64_t kVariableBytesMax = 0x7fffffff;

template <typename T>
void copyFixed(const uint8_t* from, std::span<const int32_t> rows, uint8_t* to) {
  for (size_t i = 0; i < rows.size(); i++) std::memcpy(to + i * sizeof(T), from + static_cast<uint64_t>(rows[i]) * sizeof(T), sizeof(T));
}

void copyFixedRows(const ColumnView& column, std::span<const int32_t> rows, uint8_t* to) {
  const uint64_t width = column.width;
  if (column.allNull) return void(std::memset(to, 0, rows.size() * width));
  switch (width) {
    case 1:
      return copyFixed<uint8_t>(column.values, rows, to);
    case 4:
      return copyFixed<uint32_t>(column.values, rows, to);
    case 8:
      return copyFixed<uint64_t>(column.values, rows, to);
    default:
      // Rows of a vector column lie anywhere: the next ones are asked for while this one is copied.
      for (size_t i = 0; i < rows.size(); i++) {
        if (i + 4 < rows.size()) __builtin_prefetch(column.values + static_cast<uint64_t>(rows[i + 4]) * width);
        std::memcpy(to + i * width, column.values + static_cast<uint64_t>(rows[i]) * width, width);
      }
  }
}

bool lacksSome(const ColumnView& column, uint32_t rows) {
  if (!column.mayBeNull()) return false;
  for (uint32_t first = 0; first < rows; first += 64) {
    const uint64_t all = rows - first >= 64 ? ~uint64_t{0} : lastWordMask(rows);
    if (column.validWord(first, rows) != all) return true;
  }
  return false;
}

}  // namespace

Status measureRows(const ColumnView& column, std::span<const int32_t> rows, ColumnShape& out) {
  out = {};
  out.rows = rows.size();
  if (column.mayBeNull()) {
    for (const int32_t row : rows) {
      if (!column.isNull(static_cast<uint32_t>(row))) continue;
      out.validity = (out.rows + 7) / 8;
      break;
    }
  }
  if (column.kind == Kind::fixed) {
    out.values = out.rows * column.width;
    return good();
  }
  out.offsets = (out.rows + 1) * 4;
  uint64_t elements = 0;
  uint64_t bytes = 0;
  for (const int32_t row : rows) {
    if (column.isNull(static_cast<uint32_t>(row))) continue;
    const int32_t from = column.offsets[row];
    const int32_t to = column.offsets[row + 1];
    elements += static_cast<uint64_t>(to - from);
    if (column.kind == Kind::listOfBytes) bytes += static_cast<uint64_t>(column.childOffsets[to] - column.childOffsets[from]);
  }
  switch (column.kind) {
    case Kind::bytes:
      out.values = elements;
      break;
    case Kind::listOfFixed:
      out.childRows = elements;
      out.values = elements * column.width;
      break;
    default:
      out.childRows = elements;
      out.childOffsets = (elements + 1) * 4;
      out.values = bytes;
  }
  if (elements > kVariableBytesMax || out.values > kVariableBytesMax) {
    return Status::invalid("rows of field " + std::to_string(column.field.id) + " come to more than 2 GiB at once");
  }
  return good();
}

void copyRows(const ColumnView& column, std::span<const int32_t> rows, const ColumnTarget& to) {
  if (to.validity != nullptr) {
    std::memset(to.validity, 0, (rows.size() + 7) / 8);
    for (size_t i = 0; i < rows.size(); i++) {
      if (!column.isNull(static_cast<uint32_t>(rows[i]))) to.validity[i >> 3] = static_cast<uint8_t>(to.validity[i >> 3] | 1u << (i & 7));
    }
  }
  if (column.kind == Kind::fixed) return copyFixedRows(column, rows, to.values);
  uint64_t elements = 0;
  uint64_t bytes = 0;
  to.offsets[0] = 0;
  if (column.kind == Kind::listOfBytes) to.childOffsets[0] = 0;
  for (size_t i = 0; i < rows.size(); i++) {
    const auto row = static_cast<uint32_t>(rows[i]);
    if (!column.isNull(row)) {
      const int32_t from = column.offsets[row];
      const auto count = static_cast<uint64_t>(column.offsets[row + 1] - from);
      if (column.kind == Kind::listOfBytes) {
        const int32_t byteFrom = count == 0 ? 0 : column.childOffsets[from];
        for (uint64_t j = 0; j < count; j++) {
          to.childOffsets[elements + j + 1] = static_cast<int32_t>(bytes) + column.childOffsets[static_cast<uint64_t>(from) + j + 1] - byteFrom;
        }
        const uint64_t length = count == 0 ? 0 : static_cast<uint64_t>(column.childOffsets[static_cast<uint64_t>(from) + count] - byteFrom);
        if (length > 0) std::memcpy(to.values + bytes, column.values + byteFrom, length);
        bytes += length;
      } else if (count > 0) {
        const uint64_t unit = column.kind == Kind::bytes ? 1 : column.width;
        std::memcpy(to.values + elements * unit, column.values + static_cast<uint64_t>(from) * unit, count * unit);
      }
      elements += count;
    }
    to.offsets[i + 1] = static_cast<int32_t>(elements);
  }
}

ColumnShape measurePrefix(const ColumnView& column, uint32_t rows) {
  ColumnShape out;
  out.rows = rows;
  if (lacksSome(column, rows)) out.validity = (uint64_t{rows} + 7) / 8;
  if (column.kind == Kind::fixed) {
    out.values = uint64_t{rows} * column.width;
    return out;
  }
  out.offsets = (uint64_t{rows} + 1) * 4;
  const bool empty = column.offsets == nullptr;
  const auto elements = empty ? 0 : static_cast<uint64_t>(column.offsets[rows] - column.offsets[0]);
  if (column.kind == Kind::bytes) {
    out.values = elements;
    return out;
  }
  out.childRows = elements;
  if (column.kind == Kind::listOfFixed) {
    out.values = elements * column.width;
    return out;
  }
  out.childOffsets = (elements + 1) * 4;
  out.values = elements == 0 ? 0 : static_cast<uint64_t>(column.childOffsets[column.offsets[rows]] - column.childOffsets[column.offsets[0]]);
  return out;
}

void copyPrefix(const ColumnView& column, uint32_t rows, const ColumnTarget& to) {
  if (to.validity != nullptr) {
    for (uint32_t first = 0; first < rows; first += 64) {
      const uint64_t word = column.validWord(first, rows);
      std::memcpy(to.validity + first / 8, &word, (std::min<uint32_t>(64, rows - first) + 7) / 8);
    }
  }
  const ColumnShape shape = measurePrefix(column, rows);
  if (column.kind == Kind::fixed) {
    if (column.allNull) {
      std::memset(to.values, 0, shape.values);
    } else if (shape.values > 0) {
      std::memcpy(to.values, column.values, shape.values);
    }
    return;
  }
  if (column.offsets == nullptr) {
    std::memset(to.offsets, 0, shape.offsets);
    if (column.kind == Kind::listOfBytes) to.childOffsets[0] = 0;
    return;
  }
  // Files may start their offsets anywhere; copies start at 0.
  const int32_t base = column.offsets[0];
  for (uint32_t i = 0; i <= rows; i++) to.offsets[i] = column.offsets[i] - base;
  uint64_t from = static_cast<uint64_t>(base) * (column.kind == Kind::listOfFixed ? column.width : 1);
  if (column.kind == Kind::listOfBytes) {
    const int32_t childBase = shape.childRows == 0 ? 0 : column.childOffsets[base];
    to.childOffsets[0] = 0;
    for (uint64_t i = 1; i <= shape.childRows; i++) to.childOffsets[i] = column.childOffsets[static_cast<uint64_t>(base) + i] - childBase;
    from = static_cast<uint64_t>(childBase);
  }
  if (shape.values > 0) std::memcpy(to.values, column.values + from, shape.values);
}

void packBits(const uint8_t* bytes, uint64_t count, uint8_t* bits) {
  uint64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint64_t eight;
    std::memcpy(&eight, bytes + i, 8);
    // A lowest bit for every byte that is not 0, then those bits side by side.
    eight |= eight >> 4;
    eight |= eight >> 2;
    eight |= eight >> 1;
    bits[i / 8] = static_cast<uint8_t>(((eight & 0x0101010101010101ull) * 0x0102040810204080ull) >> 56);
  }
  if (i == count) return;
  uint8_t last = 0;
  for (uint64_t j = i; j < count; j++) last = static_cast<uint8_t>(last | (bytes[j] != 0 ? 1u : 0u) << (j - i));
  bits[i / 8] = last;
}

void unpackBits(const uint8_t* bits, uint64_t count, uint8_t* bytes) {
  for (uint64_t i = 0; i < count; i++) bytes[i] = bits[i >> 3] >> (i & 7) & 1;
}

}  // namespace redkite::segment
