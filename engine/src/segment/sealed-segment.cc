#include <algorithm>
#include <cstring>
#include <memory>

#include "gather.h"
#include "row-batch.h"
#include "segment.h"

namespace redkite::segment {
namespace {

Status bad(const Field& field, const char* what) {
  return Status::corrupted("sealed segment: field " + std::to_string(field.id) + ": " + what);
}

/** Start of a range, null where it is not inside its file or not aligned as its elements need. */
const uint8_t* startOf(const FileRange& range, uint64_t alignment) {
  if (range.file == nullptr || range.offset > range.file->size() || range.bytes > range.file->size() - range.offset) return nullptr;
  const uint8_t* start = range.file->data() + range.offset;
  return reinterpret_cast<uintptr_t>(start) % alignment == 0 ? start : nullptr;
}

/** Whether `offsets` (int32 [count + 1]) never fall and stay within [0, last]. */
bool rises(const int32_t* offsets, uint64_t count, uint64_t last) {
  bool sound = offsets[0] >= 0;
  for (uint64_t i = 0; i < count; i++) sound &= offsets[i] <= offsets[i + 1];
  return sound && static_cast<uint64_t>(offsets[count]) <= last;
}

/** Adds a field that the file does not have: its default in every row, or null. */
Status addDefaults(const Field& field, uint64_t rows, Layout& layout, uint64_t& ownBytes) {
  REDKITE_TRY(field.check());
  ColumnView view;
  view.field = field;
  view.kind = field.kind();
  view.width = field.width();
  if (!field.defaultValue) {
    view.allNull = true;
    layout.columns.push_back(view);
    return good();
  }
  const std::string& value = *field.defaultValue;
  const bool bytes = view.kind == Kind::bytes;
  if (bytes && value.size() * rows > 0x7fffffff) return bad(field, "its default comes to more than 2 GiB in this segment");
  const auto own = [&](const std::shared_ptr<Buffer>& buffer) {
    ownBytes += buffer->size();
    layout.pins.push_back(buffer);
    return buffer->data();
  };
  std::shared_ptr<Buffer> values;
  REDKITE_TRY(Buffer::allocate(rows * value.size(), values));
  for (uint64_t row = 0; row < rows; row++) std::memcpy(values->writable() + row * value.size(), value.data(), value.size());
  view.values = own(values);
  if (bytes) {
    std::shared_ptr<Buffer> offsets;
    REDKITE_TRY(Buffer::allocate((rows + 1) * 4, offsets));
    auto* to = reinterpret_cast<int32_t*>(offsets->writable());
    for (uint64_t row = 0; row <= rows; row++) to[row] = static_cast<int32_t>(row * value.size());
    view.offsets = reinterpret_cast<const int32_t*>(own(offsets));
  }
  layout.columns.push_back(view);
  return good();
}

class Opener {
 public:
  Opener(const SealedInput& input, Layout& layout) : input_(input), layout_(layout) {}

  uint64_t ownBytes() const { return ownBytes_; }

  Status column(const SealedColumn& from) {
    const Field& field = from.field;
    REDKITE_TRY(field.check());
    if (layout_.column(field.id) != nullptr) return Status::invalid("sealed segment: field " + std::to_string(field.id) + " comes twice");
    const uint64_t rows = input_.rows;
    ColumnView view;
    view.field = field;
    view.kind = field.kind();
    view.width = field.width();
    if (from.validity) {
      const uint8_t* bits = startOf(*from.validity, 1);
      if (bits == nullptr || from.validity->bytes != (rows + 7) / 8) return bad(field, "validity is out of bounds or of another size");
      view.validBits = bits;
      pin(from.validity->file);
    }
    uint64_t children = 0;
    if (view.kind != Kind::fixed) {
      if (!from.offsets) return bad(field, "has no offsets");
      view.offsets = reinterpret_cast<const int32_t*>(startOf(*from.offsets, 4));
      if (view.offsets == nullptr || from.offsets->bytes != (rows + 1) * 4) return bad(field, "offsets are out of bounds or of another size");
      const uint64_t last = view.kind == Kind::bytes ? from.values.bytes : from.childRows;
      if (!rises(view.offsets, rows, last)) return bad(field, "offsets do not rise within the values");
      children = view.kind == Kind::bytes ? 0 : from.childRows;
      pin(from.offsets->file);
    }
    if (view.kind == Kind::listOfBytes) {
      if (!from.childOffsets) return bad(field, "has no child offsets");
      view.childOffsets = reinterpret_cast<const int32_t*>(startOf(*from.childOffsets, 4));
      if (view.childOffsets == nullptr || from.childOffsets->bytes != (children + 1) * 4) return bad(field, "child offsets are out of bounds or of another size");
      if (!rises(view.childOffsets, children, from.values.bytes)) return bad(field, "child offsets do not rise within the values");
      pin(from.childOffsets->file);
    }
    REDKITE_TRY(values(from, view, view.kind == Kind::fixed ? rows : children));
    if (view.field.type == Type::sparseVector) {
      bool whole = true;
      for (uint64_t row = 0; row < rows; row++) whole &= (view.offsets[row + 1] - view.offsets[row]) % 8 == 0;
      if (!whole) return bad(field, "a sparse vector is not whole (index, value) pairs");
    }
    if (field.isKey && layout_.keyColumn < 0) layout_.keyColumn = static_cast<int32_t>(layout_.columns.size());
    layout_.columns.push_back(view);
    return good();
  }

  Status begins() {
    const uint8_t* start = startOf(input_.timestamps, 8);
    if (start == nullptr || input_.timestamps.bytes != uint64_t{input_.rows} * 8) return Status::corrupted("sealed segment: timestamps are out of bounds or of another size");
    layout_.begins = reinterpret_cast<const uint64_t*>(start);
    pin(input_.timestamps.file);
    return good();
  }

  void pin(const std::shared_ptr<Buffer>& file) {
    if (std::find(layout_.pins.begin(), layout_.pins.end(), file) == layout_.pins.end()) layout_.pins.push_back(file);
  }

 private:
  Status values(const SealedColumn& from, ColumnView& view, uint64_t elements) {
    const Field& field = from.field;
    if (view.kind == Kind::bytes || view.kind == Kind::listOfBytes) {
      view.values = startOf(from.values, 1);
      if (view.values == nullptr) return bad(field, "values are out of bounds or of another size");
      pin(from.values.file);
      return good();
    }
    const Type element = view.kind == Kind::fixed ? field.type : field.elementType;
    if (from.boolBitmap) {
      const uint8_t* bits = startOf(from.values, 1);
      if (element != Type::boolean) return bad(field, "is stored as a bitmap and is not Bool");
      if (bits == nullptr || from.values.bytes != (elements + 7) / 8) return bad(field, "values are out of bounds or of another size");
      std::shared_ptr<Buffer> bytes;
      REDKITE_TRY(Buffer::allocate(elements, bytes));
      unpackBits(bits, elements, bytes->writable());
      own(bytes, view.values);
      return good();
    }
    const uint64_t alignment = isDenseVector(element) ? (element == Type::floatVector ? 4 : element == Type::binaryVector || element == Type::int8Vector ? 1 : 2) : view.width;
    view.values = startOf(from.values, alignment);
    if (view.values == nullptr || from.values.bytes != elements * view.width) return bad(field, "values are out of bounds, of another size or not aligned");
    pin(from.values.file);
    return good();
  }

  void own(const std::shared_ptr<Buffer>& buffer, const uint8_t*& out) {
    out = buffer->data();
    ownBytes_ += buffer->size();
    layout_.pins.push_back(buffer);
  }

  const SealedInput& input_;
  Layout& layout_;
  uint64_t ownBytes_ = 0;
};

}  // namespace

Status SealedSegment::open(const SealedInput& input, std::shared_ptr<SealedSegment>& out) {
  if (input.rows > kRowsMax) return Status::corrupted("sealed segment: " + std::to_string(input.rows) + " rows are more than a segment holds");
  std::shared_ptr<SealedSegment> made(new SealedSegment(input.rows));
  auto layout = std::make_shared<Layout>();
  Opener opener(input, *layout);
  for (const SealedColumn& column : input.columns) REDKITE_TRY(opener.column(column));
  if (layout->keyColumn < 0) return Status::invalid("sealed segment: no primary-key column was given");
  uint64_t defaultBytes = 0;
  for (const Field& field : input.missing) {
    if (layout->column(field.id) != nullptr) return Status::invalid("sealed segment: field " + std::to_string(field.id) + " is stored and missing");
    REDKITE_TRY(addDefaults(field, input.rows, *layout, defaultBytes));
  }
  REDKITE_TRY(opener.begins());

  const FileRange& keys = input.keyIndex;
  const uint8_t* keyBytes = startOf(keys, 8);
  if (keyBytes == nullptr) return Status::corrupted("sealed segment: key index is out of bounds, of another size or not aligned");
  const ColumnView& key = layout->columns[static_cast<size_t>(layout->keyColumn)];
  REDKITE_TRY(KeyIndex::open({keyBytes, keys.bytes}, input.rows, key.kind == Kind::bytes, made->keyIndex_));
  opener.pin(keys.file);

  if (input.ends && input.endCount > 0) {
    const uint64_t count = input.endCount;
    const uint64_t timesAt = alignUp(count * 4, 8);
    const uint8_t* start = startOf(*input.ends, 8);
    if (start == nullptr || input.ends->bytes != timesAt + count * 8) return Status::corrupted("sealed segment: ends are out of bounds or of another size");
    const auto* rows = reinterpret_cast<const uint32_t*>(start);
    const auto* times = reinterpret_cast<const uint64_t*>(start + timesAt);
    REDKITE_TRY(made->ends_->prepare());
    for (uint64_t i = 0; i < count; i++) {
      if (rows[i] >= input.rows || (i > 0 && rows[i] <= rows[i - 1])) return Status::corrupted("sealed segment: ends name row " + std::to_string(rows[i]) + " of " + std::to_string(input.rows));
      made->ends_->end(rows[i], times[i]);
    }
  }
  uint64_t least = ~uint64_t{0};
  uint64_t most = 0;
  for (uint32_t row = 0; row < input.rows; row++) {
    least = std::min(least, layout->begins[row]);
    most = std::max(most, layout->begins[row]);
  }
  made->minBegin_.store(least, std::memory_order_relaxed);
  made->maxBegin_.store(most, std::memory_order_relaxed);
  made->ownBytes_ = opener.ownBytes() + defaultBytes;
  made->publish(std::move(layout));
  made->rows_.store(input.rows, std::memory_order_release);
  out = std::move(made);
  return good();
}

Status SealedSegment::addMissingField(const Field& field) {
  const std::lock_guard writing(writing_);
  const Snapshot snap = snapshot();
  if (const ColumnView* there = snap.column(field.id); there != nullptr) return there->field.sameType(field);
  auto layout = std::make_shared<Layout>(*snap.layout);
  uint64_t bytes = 0;
  REDKITE_TRY(addDefaults(field, snap.rows, *layout, bytes));
  ownBytes_ += bytes;
  publish(std::move(layout));
  return good();
}

uint64_t SealedSegment::memoryBytes() const { return ownBytes_ + ends_->usedBytes(); }

}  // namespace redkite::segment
