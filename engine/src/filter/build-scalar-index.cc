// Builds scalar index files.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "../segment/bitmap.h"
#include "scalar-index.h"

namespace redkite::filter {
namespace {

using segment::alignUp;
using segment::Buffer;
using segment::ColumnView;
using segment::Type;

constexpr uint64_t kHeader = 64;
constexpr uint64_t kDirectoryEntry = 16;

/** Rows in the order of their values, and whether neighbours are equal. */
struct Order {
  std::vector<uint32_t> rows;
  /** Entry i starts another value than entry i - 1. */
  std::vector<bool> starts;
};

template <typename V, typename Read>
void sortBy(const ColumnView& column, uint32_t rows, Read readValue, Order& out) {
  std::vector<std::pair<V, uint32_t>> entries;
  entries.reserve(rows);
  for (uint32_t row = 0; row < rows; row++) {
    if (column.isNull(row)) continue;
    const V v = readValue(row);
    if (v != v) continue;
    entries.emplace_back(v, row);
  }
  std::sort(entries.begin(), entries.end());
  out.rows.resize(entries.size());
  out.starts.resize(entries.size());
  for (size_t i = 0; i < entries.size(); i++) {
    out.rows[i] = entries[i].second;
    out.starts[i] = i == 0 || entries[i].first != entries[i - 1].first;
  }
}

void writeHeader(uint8_t* data, ScalarIndexKind kind, Type type, uint32_t rows, uint32_t entries, uint64_t total) {
  const uint16_t version = 1;
  std::memcpy(data, "RKSI", 4);
  std::memcpy(data + 4, &version, 2);
  data[6] = static_cast<uint8_t>(kind);
  data[7] = static_cast<uint8_t>(type);
  std::memcpy(data + 8, &rows, 4);
  std::memcpy(data + 12, &entries, 4);
  std::memcpy(data + 16, &total, 8);
}

Status writeSorted(const ColumnView& column, uint32_t rows, const Order& order, std::shared_ptr<Buffer>& out) {
  const bool strings = segment::isString(column.field.type);
  const uint64_t n = order.rows.size();
  const uint64_t valuesAt = alignUp(kHeader + 4 * n);
  const uint64_t total = alignUp(valuesAt + (strings ? 0 : column.width * n));
  REDKITE_TRY(Buffer::allocate(total, out));
  uint8_t* data = out->writable();
  writeHeader(data, ScalarIndexKind::sorted, column.field.type, rows, static_cast<uint32_t>(n), total);
  if (n > 0) std::memcpy(data + kHeader, order.rows.data(), 4 * n);
  for (uint64_t i = 0; !strings && i < n; i++) {
    std::memcpy(data + valuesAt + i * column.width, column.values + uint64_t{order.rows[i]} * column.width, column.width);
  }
  return good();
}

Status writeBitmap(const ColumnView& column, uint32_t rows, const Order& order, std::shared_ptr<Buffer>& out) {
  struct Value {
    uint32_t first;
    uint32_t count;
    bool list;
  };
  const bool strings = segment::isString(column.field.type);
  const uint32_t width = strings ? 4 : column.width;
  const uint64_t bitmapBytes = uint64_t{8} * segment::wordsFor(rows);
  std::vector<Value> values;
  for (uint32_t i = 0; i < order.rows.size(); i++) {
    if (order.starts[i]) values.push_back({i, 0, false});
    values.back().count++;
  }
  const uint64_t n = values.size();
  const uint64_t directoryAt = alignUp(kHeader + width * n);
  uint64_t total = alignUp(directoryAt + kDirectoryEntry * n);
  std::vector<uint64_t> offsets;
  offsets.reserve(n);
  for (Value& v : values) {
    const uint64_t listBytes = alignUp(uint64_t{4} * v.count, 8);
    v.list = listBytes < bitmapBytes;
    offsets.push_back(total);
    total += v.list ? listBytes : bitmapBytes;
  }
  total = alignUp(total);
  REDKITE_TRY(Buffer::allocate(total, out));
  uint8_t* data = out->writable();
  writeHeader(data, ScalarIndexKind::bitmap, column.field.type, rows, static_cast<uint32_t>(n), total);
  for (uint64_t i = 0; i < n; i++) {
    const Value& v = values[i];
    const uint32_t* ids = order.rows.data() + v.first;
    const uint8_t* value = strings ? reinterpret_cast<const uint8_t*>(ids) : column.values + uint64_t{ids[0]} * width;
    std::memcpy(data + kHeader + width * i, value, width);
    uint8_t* entry = data + directoryAt + kDirectoryEntry * i;
    const uint32_t form = v.list ? 1 : 0;
    std::memcpy(entry, &offsets[i], 8);
    std::memcpy(entry + 8, &v.count, 4);
    std::memcpy(entry + 12, &form, 4);
    if (v.list) {
      // Rows of one value are ascending already.
      std::memcpy(data + offsets[i], ids, size_t{4} * v.count);
      continue;
    }
    auto* words = reinterpret_cast<uint64_t*>(data + offsets[i]);
    for (uint32_t j = 0; j < v.count; j++) words[ids[j] >> 6] |= uint64_t{1} << (ids[j] & 63);
  }
  return good();
}

}  // namespace

Status buildScalarIndex(const ColumnView& column, uint32_t rows, ScalarIndexKind kind, CancelToken cancel, int32_t* progress,
                        std::shared_ptr<Buffer>& out) {
  const Type type = column.field.type;
  if (!segment::isNumber(type) && type != Type::boolean && !segment::isString(type)) {
    return Status::invalid("a field of type " + std::to_string(static_cast<int>(type)) + " has no scalar index");
  }
  if (cancel.raised()) return Status::canceled();
  Order order;
  if (segment::isString(type)) {
    sortBy<std::string_view>(column, rows, [&](uint32_t row) { return column.bytesAt(row); }, order);
  } else if (segment::isFloat(type)) {
    sortBy<double>(column, rows, [&](uint32_t row) { return column.floatAt(row) + 0.0; }, order);
  } else {
    sortBy<int64_t>(column, rows, [&](uint32_t row) { return column.integerAt(row); }, order);
  }
  if (cancel.raised()) return Status::canceled();
  REDKITE_TRY(kind == ScalarIndexKind::sorted ? writeSorted(column, rows, order, out) : writeBitmap(column, rows, order, out));
  if (progress != nullptr) __atomic_store_n(progress, static_cast<int32_t>(rows), __ATOMIC_RELAXED);
  return good();
}

}  // namespace redkite::filter
