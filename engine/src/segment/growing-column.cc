#include "growing-column.h"

#include <algorithm>
#include <cstring>

namespace redkite::segment {
namespace {

/** Address space costs nothing until it is written; beyond these sizes a buffer moves when it grows. */
constexpr uint64_t kFixedReserveMax = uint64_t{4} << 30;
constexpr uint64_t kBytesReserve = uint64_t{64} << 20;
/** Offsets are int32. */
constexpr uint64_t kVariableBytesMax = 0x7fffffff;

int32_t readOffset(const uint8_t* offsets, uint64_t i) {
  int32_t value;
  std::memcpy(&value, offsets + 4 * i, 4);
  return value;
}

bool bitAt(const uint8_t* bits, uint32_t i) { return (bits[i >> 3] >> (i & 7) & 1) != 0; }

int32_t* offsetsOf(const std::shared_ptr<Region>& region) { return reinterpret_cast<int32_t*>(region->data()); }

}  // namespace

Status GrowingColumn::create(const Field& field, uint32_t rowsMax, GrowingColumn& out) {
  REDKITE_TRY(field.check());
  out.field_ = field;
  out.kind_ = field.kind();
  out.width_ = field.width();
  out.rowsMax_ = rowsMax;
  return good();
}

Status GrowingColumn::room(std::shared_ptr<Region>& region, uint64_t used, uint64_t wanted, bool& moved) {
  if (region != nullptr && region->capacity() >= wanted) return good();
  // Fixed columns know their bound; the others start small and grow fourfold.
  const uint64_t bound = kind_ == Kind::fixed ? std::min<uint64_t>(uint64_t{rowsMax_} * width_, kFixedReserveMax) : kBytesReserve;
  const uint64_t capacity = std::max({wanted, region == nullptr ? bound : region->capacity() * 4, uint64_t{1}});
  std::shared_ptr<Region> larger;
  REDKITE_TRY(Region::reserve(capacity, larger));
  if (used > 0) std::memcpy(larger->data(), region->data(), used);
  larger->charge(used);
  region = std::move(larger);
  moved = true;
  return good();
}

Status GrowingColumn::roomFor(uint64_t children, uint64_t valueBytes, bool& moved) {
  if (kind_ != Kind::fixed && (valueBytes > kVariableBytesMax || children > kVariableBytesMax)) {
    return Status::invalid("field " + std::to_string(field_.id) + " would hold more than 2 GiB in one segment");
  }
  if (valueBytes > 0 || values_ == nullptr) REDKITE_TRY(room(values_, valueBytes_, valueBytes, moved));
  if (kind_ != Kind::fixed && offsets_ == nullptr) {
    REDKITE_TRY(Region::reserve((uint64_t{rowsMax_} + 1) * 4, offsets_));
    moved = true;
  }
  if (kind_ == Kind::listOfBytes) {
    REDKITE_TRY(room(childOffsets_, (childRows_ + 1) * 4 * (childOffsets_ == nullptr ? 0 : 1), (children + 1) * 4, moved));
  }
  return good();
}

Status GrowingColumn::reserveFrom(const BatchColumn* source, uint32_t sourceRows, bool& moved) {
  bool nulls = false;
  uint64_t bytes = valueBytes_;
  uint64_t children = childRows_;
  if (source == nullptr) {
    nulls = !field_.defaultValue;
    bytes += field_.defaultValue ? field_.defaultValue->size() * sourceRows : (kind_ == Kind::fixed ? uint64_t{width_} * sourceRows : 0);
  } else {
    for (uint32_t i = 0; source->validity != nullptr && i < sourceRows && !nulls; i++) nulls = !bitAt(source->validity, i);
    bytes += source->valuesBytes;
    children += source->childRows;
  }
  if (nulls && nullBytes_ == nullptr) {
    REDKITE_TRY(Region::reserve(rowsMax_, nullBytes_));
    moved = true;
  }
  return roomFor(children, bytes, moved);
}

Status GrowingColumn::reserveFrom(const ColumnView* source, const std::vector<uint32_t>& rows, bool& moved) {
  if (source == nullptr) return reserveFrom(static_cast<const BatchColumn*>(nullptr), static_cast<uint32_t>(rows.size()), moved);
  bool nulls = false;
  uint64_t bytes = valueBytes_;
  uint64_t children = childRows_;
  for (const uint32_t row : rows) {
    if (source->isNull(row)) {
      nulls = true;
      if (kind_ == Kind::fixed) bytes += width_;
      continue;
    }
    switch (kind_) {
      case Kind::fixed:
        bytes += width_;
        break;
      case Kind::bytes:
        bytes += static_cast<uint64_t>(source->offsets[row + 1] - source->offsets[row]);
        break;
      case Kind::listOfFixed:
        children += static_cast<uint64_t>(source->offsets[row + 1] - source->offsets[row]);
        bytes += static_cast<uint64_t>(source->offsets[row + 1] - source->offsets[row]) * width_;
        break;
      case Kind::listOfBytes:
        children += static_cast<uint64_t>(source->offsets[row + 1] - source->offsets[row]);
        bytes += static_cast<uint64_t>(source->childOffsets[source->offsets[row + 1]] - source->childOffsets[source->offsets[row]]);
        break;
    }
  }
  if (nulls && nullBytes_ == nullptr) {
    REDKITE_TRY(Region::reserve(rowsMax_, nullBytes_));
    moved = true;
  }
  return roomFor(children, bytes, moved);
}

void GrowingColumn::markNull(uint32_t row) {
  nullBytes_->data()[row] = 1;
  nullBytes_->charge(row + 1);
}

void GrowingColumn::fillMissing(uint32_t rows, uint32_t at) {
  const std::string* value = field_.defaultValue ? &*field_.defaultValue : nullptr;
  for (uint32_t i = 0; i < rows; i++) {
    if (value == nullptr) markNull(at + i);
    if (kind_ == Kind::fixed) {
      // Reserved pages are zero already, which is what a null row holds.
      if (value != nullptr) std::memcpy(values_->data() + valueBytes_, value->data(), width_);
      valueBytes_ += width_;
      continue;
    }
    if (value != nullptr) {
      std::memcpy(values_->data() + valueBytes_, value->data(), value->size());
      valueBytes_ += value->size();
    }
    offsetsOf(offsets_)[at + i + 1] = static_cast<int32_t>(kind_ == Kind::bytes ? valueBytes_ : childRows_);
  }
}

void GrowingColumn::write(const BatchColumn* source, uint32_t sourceRows, uint32_t at) {
  if (source == nullptr) {
    fillMissing(sourceRows, at);
  } else {
    if (source->valuesBytes > 0) std::memcpy(values_->data() + valueBytes_, source->values, source->valuesBytes);
    if (kind_ != Kind::fixed) {
      const int32_t base = static_cast<int32_t>(kind_ == Kind::bytes ? valueBytes_ : childRows_);
      int32_t* to = offsetsOf(offsets_) + at + 1;
      for (uint32_t i = 0; i < sourceRows; i++) to[i] = base + readOffset(source->offsets, i + 1);
    }
    if (kind_ == Kind::listOfBytes) {
      const int32_t base = static_cast<int32_t>(valueBytes_);
      int32_t* to = offsetsOf(childOffsets_) + childRows_ + 1;
      for (uint32_t i = 0; i < source->childRows; i++) to[i] = base + readOffset(source->childOffsets, i + 1);
    }
    for (uint32_t i = 0; source->validity != nullptr && i < sourceRows; i++) {
      if (!bitAt(source->validity, i)) markNull(at + i);
    }
    valueBytes_ += source->valuesBytes;
    childRows_ += source->childRows;
  }
  if (values_ != nullptr) values_->charge(valueBytes_);
  if (offsets_ != nullptr) offsets_->charge((uint64_t{at} + sourceRows + 1) * 4);
  if (childOffsets_ != nullptr) childOffsets_->charge((childRows_ + 1) * 4);
}

void GrowingColumn::write(const ColumnView* source, const std::vector<uint32_t>& rows, uint32_t at) {
  if (source == nullptr) return write(static_cast<const BatchColumn*>(nullptr), static_cast<uint32_t>(rows.size()), at);
  uint32_t to = at;
  for (const uint32_t row : rows) {
    const bool null = source->isNull(row);
    if (null) markNull(to);
    if (kind_ == Kind::fixed) {
      if (!null) std::memcpy(values_->data() + valueBytes_, source->values + uint64_t{row} * width_, width_);
      valueBytes_ += width_;
      to++;
      continue;
    }
    const int32_t first = null ? 0 : source->offsets[row];
    const int32_t last = null ? 0 : source->offsets[row + 1];
    if (kind_ == Kind::listOfBytes) {
      const int32_t byteFirst = first == last ? 0 : source->childOffsets[first];
      const int32_t byteLast = first == last ? 0 : source->childOffsets[last];
      int32_t* child = offsetsOf(childOffsets_) + childRows_ + 1;
      for (int32_t i = first; i < last; i++) {
        *child++ = static_cast<int32_t>(valueBytes_) + source->childOffsets[i + 1] - byteFirst;
      }
      if (byteLast > byteFirst) std::memcpy(values_->data() + valueBytes_, source->values + byteFirst, static_cast<size_t>(byteLast - byteFirst));
      valueBytes_ += static_cast<uint64_t>(byteLast - byteFirst);
      childRows_ += static_cast<uint64_t>(last - first);
    } else {
      const uint64_t unit = kind_ == Kind::bytes ? 1 : width_;
      const uint64_t bytes = static_cast<uint64_t>(last - first) * unit;
      if (bytes > 0) std::memcpy(values_->data() + valueBytes_, source->values + static_cast<uint64_t>(first) * unit, bytes);
      valueBytes_ += bytes;
      if (kind_ == Kind::listOfFixed) childRows_ += static_cast<uint64_t>(last - first);
    }
    offsetsOf(offsets_)[to + 1] = static_cast<int32_t>(kind_ == Kind::bytes ? valueBytes_ : childRows_);
    to++;
  }
  if (values_ != nullptr) values_->charge(valueBytes_);
  if (offsets_ != nullptr) offsets_->charge((uint64_t{to} + 1) * 4);
  if (childOffsets_ != nullptr) childOffsets_->charge((childRows_ + 1) * 4);
}

ColumnView GrowingColumn::view() const {
  ColumnView view;
  view.field = field_;
  view.kind = kind_;
  view.width = width_;
  view.values = values_ == nullptr ? nullptr : values_->data();
  view.offsets = offsets_ == nullptr ? nullptr : offsetsOf(offsets_);
  view.childOffsets = childOffsets_ == nullptr ? nullptr : offsetsOf(childOffsets_);
  view.nullBytes = nullBytes_ == nullptr ? nullptr : nullBytes_->data();
  return view;
}

void GrowingColumn::keepAlive(std::vector<std::shared_ptr<const void>>& out) const {
  for (const auto& region : {values_, offsets_, childOffsets_, nullBytes_}) {
    if (region != nullptr) out.push_back(region);
  }
}

uint64_t GrowingColumn::usedBytes() const {
  uint64_t sum = 0;
  for (const auto& region : {values_, offsets_, childOffsets_, nullBytes_}) {
    if (region != nullptr) sum += region->used();
  }
  return sum;
}

}  // namespace redkite::segment
