// Which rows of a growing segment hold a key: an open-addressing table from hash to newest row, and a chain to older rows.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "buffer.h"
#include "column.h"
#include "keys.h"

namespace redkite::segment {

/**
 * One slot is a 64-bit word: the upper half of the hash and the newest row + 1. Slots only go from empty to full and from an older
 * to a newer row of the same key, so readers probe beside the writer; a full table is replaced by a larger one.
 */
class KeyTable {
 public:
  static Status create(uint32_t slotsLog2, std::shared_ptr<KeyTable>& out);

  uint64_t slotCount() const { return uint64_t{mask_} + 1; }
  /** Zero pages are empty slots. */
  std::atomic<uint64_t>* slots() const { return reinterpret_cast<std::atomic<uint64_t>*>(region_->data()); }
  uint32_t mask() const { return mask_; }

 private:
  KeyTable(uint32_t mask, std::shared_ptr<Region> region) : mask_(mask), region_(std::move(region)) {}

  uint32_t mask_;
  std::shared_ptr<Region> region_;
};

/** What a reader needs, pinned by its layout. */
struct KeyTableView {
  const KeyTable* table = nullptr;
  /** Row of the next older version + 1, 0 at the end of the chain. */
  const uint32_t* older = nullptr;
  uint64_t seed = 0;

  /** Calls visit(row) for each row below `rows` that holds the key, newest first, until it returns false. */
  template <typename Visit>
  void find(const ColumnView& column, uint32_t rows, const KeysView& keys, uint32_t i, Visit visit) const;
};

class GrowingKeys {
 public:
  Status create(uint32_t rowsMax, uint64_t seed);

  /** Room for `more` keys; sets `moved` when readers need a new view. */
  Status reserve(const ColumnView& column, uint32_t rows, uint32_t more, bool& moved);
  /** Adds rows [from, to), whose keys are written already. */
  void add(const ColumnView& column, uint32_t from, uint32_t to);

  KeyTableView view() const { return {table_.get(), reinterpret_cast<const uint32_t*>(older_ ? older_->data() : nullptr), seed_}; }
  void keepAlive(std::vector<std::shared_ptr<const void>>& out) const;
  uint64_t usedBytes() const;

 private:
  void put(const KeyTable& table, const ColumnView& column, uint32_t row, bool chain);

  uint64_t seed_ = 0;
  uint32_t rowsMax_ = 0;
  /** Full slots: distinct keys. */
  uint32_t used_ = 0;
  std::shared_ptr<KeyTable> table_;
  std::shared_ptr<Region> older_;
};

inline uint64_t seededHash(const KeysView& keys, uint32_t i, uint64_t seed) {
  return keys.varchar ? hashBytes(keys.text(i), seed) : mix(static_cast<uint64_t>(keys.values[i]) ^ seed);
}

template <typename Visit>
void KeyTableView::find(const ColumnView& column, uint32_t rows, const KeysView& keys, uint32_t i, Visit visit) const {
  if (table == nullptr) return;
  const uint64_t hash = seededHash(keys, i, seed);
  const uint32_t mask = table->mask();
  for (uint32_t at = static_cast<uint32_t>(hash) & mask;; at = (at + 1) & mask) {
    const uint64_t slot = table->slots()[at].load(std::memory_order_acquire);
    if (slot == 0) return;
    if (slot >> 32 != hash >> 32) continue;
    // Rows that the caller's snapshot does not have may lie beyond its buffers; every row of a chain holds the same key.
    uint32_t next = static_cast<uint32_t>(slot);
    while (next != 0 && next - 1 >= rows) next = older[next - 1];
    if (next == 0 || !sameKey(column, next - 1, keys, i)) continue;
    for (; next != 0; next = older[next - 1]) {
      if (!visit(next - 1)) return;
    }
    return;
  }
}

}  // namespace redkite::segment
