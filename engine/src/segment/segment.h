// A segment: columns of rows with begin and end times, read by any thread while one appends and deletes.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "buffer.h"
#include "column.h"
#include "end-times.h"
#include "growing-column.h"
#include "growing-keys.h"
#include "interim-index.h"
#include "key-index.h"
#include "keys.h"
#include "status.h"

namespace redkite::segment {

class AttachedIndex;

/** Which row versions a read sees: begin in (minBegin, at] and not ended at `at`; a minBegin of 0 sees a begin of 0 too. */
struct Visibility {
  uint64_t at = 0;
  uint64_t minBegin = 0;
};

/** What readers point at. Immutable once published; pins its memory. */
struct Layout {
  std::vector<ColumnView> columns;
  int32_t keyColumn = -1;
  const uint64_t* begins = nullptr;
  KeyTableView table;
  std::vector<std::shared_ptr<const void>> pins;

  const ColumnView* column(int64_t fieldId) const {
    for (const ColumnView& column : columns) {
      if (column.field.id == fieldId) return &column;
    }
    return nullptr;
  }
};

class Segment;

/** A consistent prefix of a segment: `rows` rows through `layout`. */
struct Snapshot {
  uint32_t rows = 0;
  std::shared_ptr<const Layout> layout;
  const Segment* segment = nullptr;

  const ColumnView* column(int64_t fieldId) const { return layout->column(fieldId); }
  const ColumnView* key() const { return layout->keyColumn < 0 ? nullptr : &layout->columns[static_cast<size_t>(layout->keyColumn)]; }
  /** Refuses rows outside [0, rows). */
  Status checkRows(std::span<const int32_t> wanted) const;
};

/** Changes exclude each other; everything const runs beside them without waiting. */
class Segment {
 public:
  virtual ~Segment() = default;
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  Snapshot snapshot() const;
  bool sealed() const { return sealed_; }
  uint32_t rows() const { return rows_.load(std::memory_order_acquire); }
  uint64_t maxTimestamp() const { return maxBegin_.load(std::memory_order_acquire); }
  uint64_t minTimestamp() const { return minBegin_.load(std::memory_order_acquire); }
  virtual uint64_t memoryBytes() const = 0;
  const EndTimes& ends() const { return *ends_; }

  /** Visits rows below the snapshot's that hold key i of `keys` until visit returns false. */
  template <typename Visit>
  void findKey(const Snapshot& snapshot, const KeysView& keys, uint32_t i, Visit visit) const {
    const ColumnView* column = snapshot.key();
    if (column == nullptr || snapshot.rows == 0) return;
    if (sealed_) {
      keyIndex_.find(*column, keys, i, visit);
    } else {
      snapshot.layout->table.find(*column, snapshot.rows, keys, i, visit);
    }
  }

  /** Refuses keys of another type than the key column. */
  Status checkKeys(const Snapshot& snapshot, const KeysView& keys) const;

  bool visible(const Snapshot& snapshot, uint32_t row, Visibility v) const {
    const uint64_t begin = snapshot.layout->begins[row];
    const uint64_t end = ends_->at(row);
    return (v.minBegin == 0 || begin > v.minBegin) && begin <= v.at && (end > v.at || end == kNeverEnded);
  }

  /** Bitmap of visible rows [wordsFor(snapshot.rows)]; returns how many. */
  uint32_t visibleRows(const Snapshot& snapshot, Visibility v, uint64_t* words) const;

  /** Newest visible row of each key, or -1. */
  Status lookup(const KeysView& keys, Visibility v, int32_t* out) const;
  /** Newest begin or end of each key's versions, 0 where it never was here. */
  Status latestVersions(const KeysView& keys, uint64_t* out) const;
  /** Ends versions of keys[i] that began before timestamps[i]; sets bit i of `out` where some did end by it. */
  Status applyDeletes(const KeysView& keys, const uint64_t* timestamps, uint8_t* out);
  uint64_t endedRows(uint64_t at) const;
  void collectEnds(std::vector<uint32_t>& rows, std::vector<uint64_t>& times) const;

  /** A field that the schema has gained: every row so far reads as its default, or null. Adding it again changes nothing. */
  virtual Status addMissingField(const Field& field) = 0;

  Status attachIndex(int64_t fieldId, std::shared_ptr<Buffer> file);
  void detachIndex(int64_t fieldId);
  std::shared_ptr<const AttachedIndex> index(int64_t fieldId) const;
  /** Null for a sealed segment. */
  virtual InterimIndexes* interim() const { return nullptr; }

 protected:
  Segment(bool sealed, uint32_t rowsMax)
      : sealed_(sealed), ends_(std::make_unique<EndTimes>(rowsMax)), newestFirst_(!sealed) {}

  void publish(std::shared_ptr<const Layout> layout);

  /** Held by whoever changes rows, ends or fields: in one process two roles may share a segment. Readers never take it. */
  std::mutex writing_;

  const bool sealed_;
  std::atomic<uint32_t> rows_{0};
  std::atomic<uint64_t> maxBegin_{0};
  std::atomic<uint64_t> minBegin_{~uint64_t{0}};
  std::unique_ptr<EndTimes> ends_;
  KeyIndex keyIndex_;
  /**
   * Rows of a key are found newest first and began in that order, as the log writes them. Then a version that had ended says
   * that all older ones had too, and a key that is written often costs no more than others.
   */
  std::atomic<bool> newestFirst_{false};

 private:
  mutable std::mutex mutex_;  // guards the two below, held for a copy of a pointer
  std::shared_ptr<const Layout> layout_;
  std::map<int64_t, std::shared_ptr<const AttachedIndex>> indexes_;
};

class GrowingSegment final : public Segment {
 public:
  static Status create(const std::vector<Field>& fields, uint32_t rowsMax, uint64_t seed, std::shared_ptr<GrowingSegment>& out);

  /** All rows of a row batch, beginning at `at`; readers see all of them or none. On failure nothing changed. */
  Status append(std::span<const uint8_t> batch, uint64_t at);
  /** Rows of another segment with their begins and ends. */
  Status appendFrom(const Segment& source, std::span<const int32_t> rows);
  Status addMissingField(const Field& field) override;
  uint64_t memoryBytes() const override { return memoryBytes_.load(std::memory_order_relaxed) + ends_->usedBytes() + interim_.memoryBytes(); }
  InterimIndexes* interim() const override { return &interim_; }

 private:
  GrowingSegment(uint32_t rowsMax) : Segment(false, rowsMax), rowsMax_(rowsMax), interim_(rowsMax) {}

  Status reserveShared(uint32_t more);
  /** Publishes `more` rows that are written. */
  void finish(uint32_t more, uint64_t minBegin, uint64_t maxBegin);
  std::shared_ptr<const Layout> makeLayout() const;

  uint32_t rowsMax_;
  mutable InterimIndexes interim_;
  int32_t keyColumn_ = -1;
  std::vector<GrowingColumn> columns_;
  GrowingKeys keys_;
  std::shared_ptr<Region> begins_;
  /** Some buffer moved since the last published layout. */
  bool moved_ = true;
  std::atomic<uint64_t> memoryBytes_{0};
};

/** A range of an opened file. */
struct FileRange {
  std::shared_ptr<Buffer> file;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

struct SealedColumn {
  Field field;
  std::shared_ptr<Buffer> file;
  std::optional<FileRange> validity, offsets, childOffsets;
  FileRange values;
  uint32_t childRows = 0;
  bool boolBitmap = false;
};

struct SealedInput {
  uint32_t rows = 0;
  std::vector<SealedColumn> columns;
  FileRange timestamps;
  FileRange keyIndex;
  std::optional<FileRange> ends;
  uint32_t endCount = 0;
  std::vector<Field> missing;
};

class SealedSegment final : public Segment {
 public:
  static Status open(const SealedInput& input, std::shared_ptr<SealedSegment>& out);
  Status addMissingField(const Field& field) override;
  uint64_t memoryBytes() const override;

 private:
  SealedSegment(uint32_t rows) : Segment(true, rows) {}
  std::atomic<uint64_t> ownBytes_{0};
};

}  // namespace redkite::segment
