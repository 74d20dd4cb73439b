#include "segment.h"

#include <algorithm>

#include "bitmap.h"

namespace redkite::segment {

Status Snapshot::checkRows(std::span<const int32_t> wanted) const {
  for (const int32_t row : wanted) {
    if (row < 0 || static_cast<uint32_t>(row) >= rows) {
      return Status::invalid("row " + std::to_string(row) + " is not in a segment of " + std::to_string(rows) + " rows");
    }
  }
  return good();
}

Snapshot Segment::snapshot() const {
  Snapshot snapshot;
  // Rows first: a layout is published before the rows that need it.
  snapshot.rows = rows_.load(std::memory_order_acquire);
  snapshot.segment = this;
  const std::lock_guard lock(mutex_);
  snapshot.layout = layout_;
  return snapshot;
}

void Segment::publish(std::shared_ptr<const Layout> layout) {
  const std::lock_guard lock(mutex_);
  layout_.swap(layout);
}

Status Segment::checkKeys(const Snapshot& snapshot, const KeysView& keys) const {
  const ColumnView* column = snapshot.key();
  if (column == nullptr) return Status::invalid("the segment has no primary-key column");
  if (keys.varchar != (column->kind == Kind::bytes)) {
    return Status::invalid(keys.varchar ? "keys are VarChar, the segment's are Int64" : "keys are Int64, the segment's are VarChar");
  }
  if (keys.varchar) {
    bool rises = keys.offsets[0] >= 0;
    for (uint32_t i = 0; i < keys.count; i++) rises &= keys.offsets[i] <= keys.offsets[i + 1];
    if (!rises) return Status::invalid("offsets of keys do not rise");
  }
  return good();
}

Status Segment::lookup(const KeysView& keys, Visibility v, int32_t* out) const {
  const Snapshot snap = snapshot();
  REDKITE_TRY(checkKeys(snap, keys));
  const bool ordered = newestFirst_.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < keys.count; i++) {
    int32_t best = -1;
    findKey(snap, keys, i, [&](uint32_t row) {
      if (!visible(snap, row, v)) return !(ordered && ends_->at(row) <= v.at);
      const uint64_t begin = snap.layout->begins[row];
      const uint64_t bestBegin = best < 0 ? 0 : snap.layout->begins[best];
      if (best < 0 || begin > bestBegin || (begin == bestBegin && static_cast<int32_t>(row) > best)) best = static_cast<int32_t>(row);
      return !ordered;
    });
    out[i] = best;
  }
  return good();
}

Status Segment::latestVersions(const KeysView& keys, uint64_t* out) const {
  const Snapshot snap = snapshot();
  REDKITE_TRY(checkKeys(snap, keys));
  const bool ordered = newestFirst_.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < keys.count; i++) {
    uint64_t latest = 0;
    findKey(snap, keys, i, [&](uint32_t row) {
      latest = std::max(latest, snap.layout->begins[row]);
      const uint64_t end = ends_->at(row);
      if (end != kNeverEnded) latest = std::max(latest, end);
      return !ordered;
    });
    out[i] = latest;
  }
  return good();
}

Status Segment::applyDeletes(const KeysView& keys, const uint64_t* timestamps, uint8_t* out) {
  const std::lock_guard writing(writing_);
  const Snapshot snap = snapshot();
  REDKITE_TRY(checkKeys(snap, keys));
  std::fill_n(out, (uint64_t{keys.count} + 7) / 8, uint8_t{0});
  const bool ordered = newestFirst_.load(std::memory_order_acquire);
  bool prepared = false;
  for (uint32_t i = 0; i < keys.count; i++) {
    bool ended = false;
    Status status;
    findKey(snap, keys, i, [&](uint32_t row) {
      if (snap.layout->begins[row] >= timestamps[i]) return true;
      if (!prepared) {
        status = ends_->prepare();
        if (!status.ok()) return false;
        prepared = true;
      }
      if (ordered && ends_->at(row) <= timestamps[i]) return false;
      ended |= ends_->end(row, timestamps[i]);
      return true;
    });
    REDKITE_TRY(std::move(status));
    if (ended) out[i >> 3] = static_cast<uint8_t>(out[i >> 3] | 1u << (i & 7));
  }
  return good();
}

uint64_t Segment::endedRows(uint64_t at) const {
  if (ends_->count() == 0) return 0;
  uint64_t total = 0;
  const uint32_t count = rows();
  for (uint32_t row = 0; row < count; row++) {
    if ((row & ((1u << kEndBlockLog2) - 1)) == 0 && !ends_->blockHasEnds(row >> kEndBlockLog2)) {
      row += (1u << kEndBlockLog2) - 1;
      continue;
    }
    const uint64_t end = ends_->at(row);
    total += end != kNeverEnded && end <= at ? 1 : 0;
  }
  return total;
}

void Segment::collectEnds(std::vector<uint32_t>& rowsOut, std::vector<uint64_t>& times) const {
  if (ends_->count() == 0) return;
  const uint32_t count = rows();
  for (uint32_t row = 0; row < count; row++) {
    if ((row & ((1u << kEndBlockLog2) - 1)) == 0 && !ends_->blockHasEnds(row >> kEndBlockLog2)) {
      row += (1u << kEndBlockLog2) - 1;
      continue;
    }
    const uint64_t end = ends_->at(row);
    if (end == kNeverEnded) continue;
    rowsOut.push_back(row);
    times.push_back(end);
  }
}

void Segment::detachIndex(int64_t fieldId) {
  const std::lock_guard lock(mutex_);
  indexes_.erase(fieldId);
}

std::shared_ptr<const AttachedIndex> Segment::index(int64_t fieldId) const {
  const std::lock_guard lock(mutex_);
  const auto found = indexes_.find(fieldId);
  return found == indexes_.end() ? nullptr : found->second;
}

}  // namespace redkite::segment
