// Encodes row batches for tests (docs/internals/row-batch.md), independently of the engine's reader.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "../src/segment/types.h"

namespace redkite::test {

class BatchBuilder {
 public:
  explicit BatchBuilder(uint32_t rows) : rows_(rows) {}

  template <typename T>
  BatchBuilder& fixed(uint32_t id, segment::Type type, const std::vector<T>& values, uint32_t dim = 0, const std::vector<uint8_t>& validity = {}) {
    Column column{id, type, 0, dim, validity, {}, std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T))};
    columns_.push_back(column);
    return *this;
  }

  BatchBuilder& texts(uint32_t id, segment::Type type, const std::vector<std::string>& values, const std::vector<uint8_t>& validity = {}) {
    Column column{id, type, 1, 0, validity, {0}, {}};
    for (const std::string& value : values) {
      column.values += value;
      column.offsets.push_back(static_cast<int32_t>(column.values.size()));
    }
    columns_.push_back(column);
    return *this;
  }

  std::vector<uint8_t> encode() const {
    std::vector<uint8_t> out(16 + 64 * columns_.size());
    std::memcpy(out.data(), "RKRB", 4);
    put<uint16_t>(out, 4, 1);
    put<uint16_t>(out, 6, static_cast<uint16_t>(columns_.size()));
    put<uint32_t>(out, 8, rows_);
    for (size_t i = 0; i < columns_.size(); i++) {
      const Column& c = columns_[i];
      const size_t at = 16 + 64 * i;
      put<uint32_t>(out, at, c.id);
      out[at + 4] = static_cast<uint8_t>(c.type);
      out[at + 6] = c.kind;
      put<uint32_t>(out, at + 8, c.dim);
      buffer(out, at + 16, c.validity.data(), c.validity.size());
      buffer(out, at + 24, c.offsets.data(), c.offsets.size() * 4);
      buffer(out, at + 40, c.values.data(), c.values.size());
    }
    put<uint32_t>(out, 12, static_cast<uint32_t>(out.size()));
    return out;
  }

 private:
  struct Column {
    uint32_t id;
    segment::Type type;
    uint8_t kind;
    uint32_t dim;
    std::vector<uint8_t> validity;
    std::vector<int32_t> offsets;
    std::string values;
  };

  template <typename T>
  static void put(std::vector<uint8_t>& out, size_t at, T value) {
    std::memcpy(out.data() + at, &value, sizeof value);
  }

  static void buffer(std::vector<uint8_t>& out, size_t descriptor, const void* data, size_t bytes) {
    if (bytes == 0) return;
    out.resize((out.size() + 63) / 64 * 64);
    put<uint32_t>(out, descriptor, static_cast<uint32_t>(out.size()));
    put<uint32_t>(out, descriptor + 4, static_cast<uint32_t>(bytes));
    const auto* from = static_cast<const uint8_t*>(data);
    out.insert(out.end(), from, from + bytes);
    out.resize((out.size() + 63) / 64 * 64);
  }

  uint32_t rows_;
  std::vector<Column> columns_;
};

}  // namespace redkite::test
