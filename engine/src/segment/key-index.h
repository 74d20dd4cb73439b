// Sorted hash index over the keys of a sealed segment (docs/internals/key-index.md).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "buffer.h"
#include "keys.h"

namespace redkite::segment {

/** An opened file; the bytes stay where they are. */
class KeyIndex {
 public:
  /** Checks header, sizes, order and row numbers. `data` is 8-byte aligned. */
  static Status open(std::span<const uint8_t> data, uint32_t rows, bool varchar, KeyIndex& out);

  /** Calls visit(row) for each row that holds the key, ascending, until it returns false. */
  template <typename Visit>
  void find(const ColumnView& column, const KeysView& keys, uint32_t i, Visit visit) const {
    const uint64_t hash = keys.hash(i);
    for (uint32_t at = lowerBound(hash); at < rows_ && hashes_[at] == hash; at++) {
      const uint32_t row = rowIds_[at];
      if (keys.varchar && !sameKey(column, row, keys, i)) continue;
      if (!visit(row)) return;
    }
  }

 private:
  uint32_t lowerBound(uint64_t hash) const;

  uint32_t rows_ = 0;
  const uint64_t* hashes_ = nullptr;
  const uint32_t* rowIds_ = nullptr;
};

/** Writes the index over the first `rows` rows of a key column. */
Status buildKeyIndex(const ColumnView& column, uint32_t rows, std::shared_ptr<Buffer>& out);

}  // namespace redkite::segment
