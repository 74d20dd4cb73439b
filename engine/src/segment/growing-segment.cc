#include <algorithm>
#include <cstring>

#include "row-batch.h"
#include "segment.h"

namespace redkite::segment {

Status GrowingSegment::create(const std::vector<Field>& fields, uint32_t rowsMax, uint64_t seed, std::shared_ptr<GrowingSegment>& out) {
  if (rowsMax == 0 || rowsMax > kRowsMax) return Status::invalid("a segment of at most " + std::to_string(rowsMax) + " rows cannot be made");
  std::shared_ptr<GrowingSegment> made(new GrowingSegment(rowsMax));
  made->columns_.resize(fields.size());
  for (size_t i = 0; i < fields.size(); i++) {
    for (size_t j = 0; j < i; j++) {
      if (fields[j].id == fields[i].id) return Status::invalid("field " + std::to_string(fields[i].id) + " comes twice");
    }
    REDKITE_TRY(GrowingColumn::create(fields[i], rowsMax, made->columns_[i]));
    if (fields[i].isKey && made->keyColumn_ < 0) made->keyColumn_ = static_cast<int32_t>(i);
  }
  if (made->keyColumn_ < 0) return Status::invalid("a segment needs a primary-key field");
  REDKITE_TRY(made->keys_.create(rowsMax, seed));
  made->publish(made->makeLayout());
  out = std::move(made);
  return good();
}

std::shared_ptr<const Layout> GrowingSegment::makeLayout() const {
  auto layout = std::make_shared<Layout>();
  layout->keyColumn = keyColumn_;
  layout->columns.reserve(columns_.size());
  for (const GrowingColumn& column : columns_) {
    layout->columns.push_back(column.view());
    column.keepAlive(layout->pins);
  }
  layout->begins = begins_ == nullptr ? nullptr : reinterpret_cast<const uint64_t*>(begins_->data());
  if (begins_ != nullptr) layout->pins.push_back(begins_);
  layout->table = keys_.view();
  keys_.keepAlive(layout->pins);
  return layout;
}

Status GrowingSegment::reserveShared(uint32_t more) {
  const uint32_t at = rows();
  if (more > rowsMax_ - at) {
    return Status::invalid("a segment of at most " + std::to_string(rowsMax_) + " rows holds " + std::to_string(at) + " and cannot take " +
                           std::to_string(more) + " more");
  }
  if (begins_ == nullptr) {
    REDKITE_TRY(Region::reserve(uint64_t{rowsMax_} * 8, begins_));
    moved_ = true;
  }
  REDKITE_TRY(keys_.reserve(columns_[static_cast<size_t>(keyColumn_)].view(), at, more, moved_));
  return good();
}

void GrowingSegment::finish(uint32_t more, uint64_t minBegin, uint64_t maxBegin) {
  const uint32_t at = rows();
  const bool inOrder = minBegin == maxBegin && minBegin >= maxTimestamp();
  begins_->charge((uint64_t{at} + more) * 8);
  keys_.add(columns_[static_cast<size_t>(keyColumn_)].view(), at, at + more);
  if (moved_) publish(makeLayout());
  moved_ = false;
  uint64_t memory = begins_->used() + keys_.usedBytes();
  for (const GrowingColumn& column : columns_) memory += column.usedBytes();
  memoryBytes_.store(memory, std::memory_order_relaxed);
  if (!inOrder) newestFirst_.store(false, std::memory_order_release);
  // Bounds first: a reader that sees the rows must see that they may not have begun yet.
  minBegin_.store(std::min(minBegin, minBegin_.load(std::memory_order_relaxed)), std::memory_order_release);
  maxBegin_.store(std::max(maxBegin, maxBegin_.load(std::memory_order_relaxed)), std::memory_order_release);
  rows_.store(at + more, std::memory_order_release);
}

Status GrowingSegment::append(std::span<const uint8_t> bytes, uint64_t at) {
  Batch batch;
  REDKITE_TRY(parseBatch(bytes, batch));
  if (batch.rows == 0) return good();
  const std::lock_guard writing(writing_);
  std::vector<const BatchColumn*> sources(columns_.size(), nullptr);
  for (size_t i = 0; i < columns_.size(); i++) {
    const Field& field = columns_[i].field();
    for (const BatchColumn& column : batch.columns) {
      if (column.fieldId != static_cast<uint64_t>(field.id)) continue;
      Field given;
      given.type = column.type;
      given.elementType = column.elementType;
      given.dim = column.dim;
      REDKITE_TRY(field.sameType(given));
      sources[i] = &column;
    }
    if (static_cast<int32_t>(i) == keyColumn_ && sources[i] == nullptr) return Status::invalid("row batch has no primary keys");
  }
  for (const BatchColumn& column : batch.columns) {
    if (std::none_of(columns_.begin(), columns_.end(), [&](const GrowingColumn& c) { return c.field().id == column.fieldId; })) {
      return Status::invalid("row batch: the segment has no field " + std::to_string(column.fieldId));
    }
  }
  const uint8_t* keyValidity = sources[static_cast<size_t>(keyColumn_)]->validity;
  for (uint32_t row = 0; keyValidity != nullptr && row < batch.rows; row++) {
    if ((keyValidity[row >> 3] >> (row & 7) & 1) == 0) return Status::invalid("row batch: the primary key of row " + std::to_string(row) + " is null");
  }
  REDKITE_TRY(reserveShared(batch.rows));
  const uint32_t first = rows();
  for (size_t i = 0; i < columns_.size(); i++) REDKITE_TRY(columns_[i].reserveFrom(sources[i], batch.rows, moved_));

  // From here on nothing fails.
  for (size_t i = 0; i < columns_.size(); i++) columns_[i].write(sources[i], batch.rows, first);
  std::fill_n(reinterpret_cast<uint64_t*>(begins_->data()) + first, batch.rows, at);
  finish(batch.rows, at, at);
  return good();
}

Status GrowingSegment::appendFrom(const Segment& source, std::span<const int32_t> rowsWanted) {
  if (rowsWanted.empty()) return good();
  if (&source == this) return Status::invalid("a segment cannot be appended to itself");
  const std::lock_guard writing(writing_);
  const Snapshot snap = source.snapshot();
  REDKITE_TRY(snap.checkRows(rowsWanted));
  const std::vector<uint32_t> wanted(rowsWanted.begin(), rowsWanted.end());
  const auto count = static_cast<uint32_t>(wanted.size());
  std::vector<const ColumnView*> sources(columns_.size(), nullptr);
  for (size_t i = 0; i < columns_.size(); i++) {
    const Field& field = columns_[i].field();
    const ColumnView* column = snap.column(field.id);
    if (column != nullptr) REDKITE_TRY(field.sameType(column->field));
    if (column == nullptr && static_cast<int32_t>(i) == keyColumn_) return Status::invalid("the source segment has no primary keys");
    sources[i] = column;
  }
  REDKITE_TRY(reserveShared(count));
  for (size_t i = 0; i < columns_.size(); i++) REDKITE_TRY(columns_[i].reserveFrom(sources[i], wanted, moved_));
  if (source.ends().count() > 0) REDKITE_TRY(ends_->prepare());

  const uint32_t first = rows();
  for (size_t i = 0; i < columns_.size(); i++) columns_[i].write(sources[i], wanted, first);
  auto* begins = reinterpret_cast<uint64_t*>(begins_->data()) + first;
  uint64_t least = ~uint64_t{0};
  uint64_t most = 0;
  for (uint32_t i = 0; i < count; i++) {
    begins[i] = snap.layout->begins[wanted[i]];
    least = std::min(least, begins[i]);
    most = std::max(most, begins[i]);
    const uint64_t end = source.ends().at(wanted[i]);
    if (end != kNeverEnded) ends_->end(first + i, end);
  }
  finish(count, least, most);
  return good();
}

Status GrowingSegment::addMissingField(const Field& field) {
  const std::lock_guard writing(writing_);
  for (const GrowingColumn& column : columns_) {
    if (column.field().id == field.id) return column.field().sameType(field);
  }
  GrowingColumn column;
  REDKITE_TRY(GrowingColumn::create(field, rowsMax_, column));
  const uint32_t count = rows();
  if (count > 0) {
    REDKITE_TRY(column.reserveFrom(static_cast<const BatchColumn*>(nullptr), count, moved_));
    column.write(static_cast<const BatchColumn*>(nullptr), count, 0);
  }
  columns_.push_back(std::move(column));
  publish(makeLayout());
  return good();
}

}  // namespace redkite::segment
