#include "growing-keys.h"

#include <algorithm>
#include <bit>

namespace redkite::segment {
namespace {

constexpr uint32_t kSlotsLog2Min = 6;

KeysView oneKey(const ColumnView& column, uint32_t row) {
  KeysView key;
  key.count = 1;
  if (column.kind == Kind::bytes) {
    key.varchar = true;
    key.offsets = column.offsets + row;
    key.bytes = column.values;
  } else {
    key.values = column.as<int64_t>() + row;
  }
  return key;
}

}  // namespace

Status KeyTable::create(uint32_t slotsLog2, std::shared_ptr<KeyTable>& out) {
  const uint64_t slots = uint64_t{1} << slotsLog2;
  std::shared_ptr<Region> region;
  REDKITE_TRY(Region::reserve(slots * sizeof(std::atomic<uint64_t>), region));
  region->charge(slots * sizeof(std::atomic<uint64_t>));
  out.reset(new KeyTable(static_cast<uint32_t>(slots - 1), std::move(region)));
  return good();
}

Status GrowingKeys::create(uint32_t rowsMax, uint64_t seed) {
  rowsMax_ = rowsMax;
  seed_ = mix(seed + 0x9e3779b97f4a7c15ull);
  return good();
}

void GrowingKeys::put(const KeyTable& table, const ColumnView& column, uint32_t row, bool chain) {
  const KeysView key = oneKey(column, row);
  const uint64_t hash = seededHash(key, 0, seed_);
  const uint64_t full = (hash >> 32 << 32) | (uint64_t{row} + 1);
  uint32_t* older = reinterpret_cast<uint32_t*>(older_->data());
  for (uint32_t at = static_cast<uint32_t>(hash) & table.mask();; at = (at + 1) & table.mask()) {
    const uint64_t slot = table.slots()[at].load(std::memory_order_relaxed);
    if (slot == 0) {
      used_ += chain ? 1 : 0;
      table.slots()[at].store(full, std::memory_order_release);
      return;
    }
    const uint32_t newest = static_cast<uint32_t>(slot);
    if (!chain || slot >> 32 != hash >> 32 || !sameKey(column, newest - 1, key, 0)) continue;
    older[row] = newest;
    table.slots()[at].store(full, std::memory_order_release);
    return;
  }
}

Status GrowingKeys::reserve(const ColumnView& column, uint32_t rows, uint32_t more, bool& moved) {
  if (older_ == nullptr) {
    REDKITE_TRY(Region::reserve(uint64_t{rowsMax_} * 4, older_));
    moved = true;
  }
  // At most half full, so that probes stay short.
  const uint64_t wanted = (uint64_t{used_} + more) * 2;
  if (table_ != nullptr && table_->slotCount() >= wanted) return good();
  const uint32_t log2 = std::max<uint32_t>(kSlotsLog2Min, static_cast<uint32_t>(std::bit_width(std::max<uint64_t>(wanted, 2) - 1)));
  if (log2 > 32) return Status::invalid("a growing segment cannot hold that many keys");
  std::shared_ptr<KeyTable> larger;
  REDKITE_TRY(KeyTable::create(log2, larger));
  for (uint64_t at = 0; table_ != nullptr && at < table_->slotCount(); at++) {
    const uint64_t slot = table_->slots()[at].load(std::memory_order_relaxed);
    // Every full slot is another key: its chain stays as it is.
    if (slot != 0) put(*larger, column, static_cast<uint32_t>(slot) - 1, false);
  }
  table_ = std::move(larger);
  older_->charge((uint64_t{rows} + more) * 4);
  moved = true;
  return good();
}

void GrowingKeys::add(const ColumnView& column, uint32_t from, uint32_t to) {
  for (uint32_t row = from; row < to; row++) put(*table_, column, row, true);
}

void GrowingKeys::keepAlive(std::vector<std::shared_ptr<const void>>& out) const {
  if (table_ != nullptr) out.push_back(table_);
  if (older_ != nullptr) out.push_back(older_);
}

uint64_t GrowingKeys::usedBytes() const {
  return (table_ == nullptr ? 0 : table_->slotCount() * 8) + (older_ == nullptr ? 0 : older_->used());
}

}  // namespace redkite::segment
