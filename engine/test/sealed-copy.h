// The sealed segment that holds what a snapshot of a growing one does, as a flush would write and open it.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "../src/segment/gather.h"
#include "../src/segment/segment.h"
#include "check.h"

namespace redkite::test {

inline std::shared_ptr<segment::SealedSegment> sealedCopy(const segment::Snapshot& snapshot) {
  using namespace redkite::segment;
  const uint32_t rows = snapshot.rows;
  uint64_t size = 0;
  const auto place = [&](uint64_t bytes) {
    const FileRange range{nullptr, alignUp(size), bytes};
    size = range.offset + bytes;
    return range;
  };
  SealedInput input;
  input.rows = rows;
  for (const ColumnView& view : snapshot.layout->columns) {
    const ColumnShape shape = measurePrefix(view, rows);
    SealedColumn column;
    column.field = view.field;
    if (shape.validity > 0) column.validity = place(shape.validity);
    if (shape.offsets > 0) column.offsets = place(shape.offsets);
    column.values = place(shape.values);
    input.columns.push_back(column);
  }
  input.timestamps = place(uint64_t{rows} * 8);
  std::shared_ptr<Buffer> keys;
  CHECK_OK(buildKeyIndex(*snapshot.key(), rows, keys));
  input.keyIndex = place(keys->size());
  std::vector<uint32_t> ended;
  std::vector<uint64_t> times;
  snapshot.segment->collectEnds(ended, times);
  // Rows may have come since the snapshot was taken, and ended.
  while (!ended.empty() && ended.back() >= rows) {
    ended.pop_back();
    times.pop_back();
  }
  const uint64_t timesAt = alignUp(ended.size() * 4, 8);
  if (!ended.empty()) input.ends = place(timesAt + times.size() * 8);
  input.endCount = static_cast<uint32_t>(ended.size());

  std::shared_ptr<Buffer> file;
  CHECK_OK(Buffer::allocate(size, file));
  uint8_t* bytes = file->writable();
  const auto fill = [&](FileRange& range) {
    range.file = file;
    return bytes + range.offset;
  };
  for (size_t i = 0; i < input.columns.size(); i++) {
    SealedColumn& column = input.columns[i];
    column.file = file;
    ColumnTarget target;
    if (column.validity) target.validity = fill(*column.validity);
    if (column.offsets) target.offsets = reinterpret_cast<int32_t*>(fill(*column.offsets));
    target.values = fill(column.values);
    copyPrefix(snapshot.layout->columns[i], rows, target);
  }
  std::memcpy(fill(input.timestamps), snapshot.layout->begins, uint64_t{rows} * 8);
  std::memcpy(fill(input.keyIndex), keys->data(), keys->size());
  if (input.ends) {
    uint8_t* to = fill(*input.ends);
    std::memcpy(to, ended.data(), ended.size() * 4);
    std::memcpy(to + timesAt, times.data(), times.size() * 8);
  }
  std::shared_ptr<SealedSegment> segment;
  CHECK_OK(SealedSegment::open(input, segment));
  return segment;
}

}  // namespace redkite::test
