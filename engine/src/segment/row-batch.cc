#include "row-batch.h"

#include <cstring>

#include "buffer.h"
#include "field.h"

namespace redkite::segment {
namespace {

constexpr uint32_t kHeader = 16;
constexpr uint32_t kDescriptor = 64;

template <typename T>
T read(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

struct Range {
  uint32_t offset;
  uint32_t bytes;
};

Range readRange(const uint8_t* at) { return {read<uint32_t>(at), read<uint32_t>(at + 4)}; }

Status bad(uint32_t column, const char* what) {
  return Status::corrupted("row batch: column " + std::to_string(column) + ": " + what);
}

}  // namespace

bool offsetsRise(const uint8_t* offsets, uint32_t count, int32_t first, int64_t last) {
  if (read<int32_t>(offsets) != first) return false;
  int32_t previous = first;
  bool rises = previous >= 0;
  for (uint32_t i = 1; i <= count; i++) {
    const int32_t next = read<int32_t>(offsets + size_t{4} * i);
    rises &= next >= previous;
    previous = next;
  }
  return rises && previous <= last;
}

Status parseBatch(std::span<const uint8_t> bytes, Batch& out) {
  if (bytes.size() < kHeader || std::memcmp(bytes.data(), "RKRB", 4) != 0) return Status::corrupted("not a row batch");
  if (bytes.size() > kBatchBytesMax) {
    return Status::invalid("a row batch of " + std::to_string(bytes.size()) + " bytes is larger than 256 MiB");
  }
  const uint16_t version = read<uint16_t>(bytes.data() + 4);
  if (version != 1) return Status::corrupted("row batch version " + std::to_string(version) + " is not known, this reads 1");
  const uint32_t columns = read<uint16_t>(bytes.data() + 6);
  out.rows = read<uint32_t>(bytes.data() + 8);
  const uint32_t total = read<uint32_t>(bytes.data() + 12);
  if (total != bytes.size()) {
    return Status::corrupted("row batch says " + std::to_string(total) + " bytes and has " + std::to_string(bytes.size()));
  }
  const uint64_t headerEnd = kHeader + uint64_t{kDescriptor} * columns;
  if (headerEnd > total) return Status::corrupted("row batch ends inside its column descriptors");
  if (out.rows > 0x7fffffffu) return Status::corrupted("row batch has too many rows");
  const auto inside = [&](Range r) {
    return r.offset >= headerEnd && r.offset % kAlignment == 0 && uint64_t{r.offset} + r.bytes <= total;
  };
  const uint64_t rowOffsets = (uint64_t{out.rows} + 1) * 4;

  out.columns.clear();
  out.columns.reserve(columns);
  for (uint32_t c = 0; c < columns; c++) {
    const uint8_t* d = bytes.data() + kHeader + size_t{kDescriptor} * c;
    BatchColumn column;
    column.fieldId = read<uint32_t>(d);
    column.type = static_cast<Type>(d[4]);
    column.elementType = static_cast<Type>(d[5]);
    if (d[6] > 3) return bad(column.fieldId, "unknown kind");
    column.kind = static_cast<Kind>(d[6]);
    column.dim = read<uint32_t>(d + 8);
    column.childRows = read<uint32_t>(d + 12);
    for (const BatchColumn& other : out.columns) {
      if (other.fieldId == column.fieldId) return bad(column.fieldId, "comes twice");
    }
    Field field;
    field.id = column.fieldId;
    field.type = column.type;
    field.elementType = column.elementType;
    field.dim = column.dim;
    if (!field.check().ok()) return bad(column.fieldId, "has a type or dimension that is not stored");
    if (field.kind() != column.kind) return bad(column.fieldId, "has a kind that its type does not have");

    const Range validity = readRange(d + 16);
    if (validity.bytes > 0) {
      if (!inside(validity) || validity.bytes < (uint64_t{out.rows} + 7) / 8) return bad(column.fieldId, "validity is out of bounds");
      column.validity = bytes.data() + validity.offset;
    }
    const Range values = readRange(d + 40);
    if (values.bytes > 0 && !inside(values)) return bad(column.fieldId, "values are out of bounds");
    column.values = values.bytes > 0 ? bytes.data() + values.offset : bytes.data();
    column.valuesBytes = values.bytes;

    if (column.kind == Kind::fixed) {
      if (values.bytes != uint64_t{out.rows} * field.width()) return bad(column.fieldId, "values do not have one width per row");
      out.columns.push_back(column);
      continue;
    }
    const Range offsets = readRange(d + 24);
    if (!inside(offsets) || offsets.bytes != rowOffsets) return bad(column.fieldId, "offsets are out of bounds");
    column.offsets = bytes.data() + offsets.offset;
    const bool list = column.kind != Kind::bytes;
    const int64_t last = list ? column.childRows : values.bytes;
    if (!offsetsRise(column.offsets, out.rows, 0, last)) return bad(column.fieldId, "offsets do not rise within the values");
    if (read<int32_t>(column.offsets + size_t{4} * out.rows) != last) return bad(column.fieldId, "offsets do not end at the values' end");
    if (column.kind == Kind::listOfFixed && values.bytes != uint64_t{column.childRows} * field.width()) {
      return bad(column.fieldId, "child values do not have one width per element");
    }
    if (column.kind == Kind::listOfBytes) {
      const Range child = readRange(d + 32);
      if (!inside(child) || child.bytes != (uint64_t{column.childRows} + 1) * 4) return bad(column.fieldId, "child offsets are out of bounds");
      column.childOffsets = bytes.data() + child.offset;
      if (!offsetsRise(column.childOffsets, column.childRows, 0, values.bytes) ||
          read<int32_t>(column.childOffsets + size_t{4} * column.childRows) != static_cast<int64_t>(values.bytes)) {
        return bad(column.fieldId, "child offsets do not rise to the values' end");
      }
    }
    if (column.type == Type::sparseVector) {
      for (uint32_t row = 0; row <= out.rows; row++) {
        if (read<int32_t>(column.offsets + size_t{4} * row) % 8 != 0) return bad(column.fieldId, "a sparse vector is not whole (index, value) pairs");
      }
    }
    out.columns.push_back(column);
  }
  return good();
}

}  // namespace redkite::segment
