#include <algorithm>
#include <cmath>
#include <cstring>

#include "bitmap.h"
#include "read.h"

namespace redkite::segment {
namespace {

/** A thread keeps bitmaps of up to this many words (4 MiB): 32 million rows. */
constexpr size_t kKeptWordsMax = 512 * 1024;
constexpr size_t kKeptMax = 4;

thread_local std::vector<std::vector<uint64_t>> kept;

/** The `limit` first rows by `less`, sorted. */
template <typename Entry, typename Less>
void keepFirst(std::vector<Entry>& entries, int64_t limit, Less less) {
  if (limit >= 0 && static_cast<uint64_t>(limit) < entries.size()) {
    std::nth_element(entries.begin(), entries.begin() + limit, entries.end(), less);
    entries.resize(static_cast<size_t>(limit));
  }
  std::sort(entries.begin(), entries.end(), less);
}

}  // namespace

RowBitmap::RowBitmap(uint32_t rows) {
  if (!kept.empty()) {
    words_ = std::move(kept.back());
    kept.pop_back();
  }
  words_.resize(std::max<size_t>(wordsFor(rows), 1));
}

RowBitmap::~RowBitmap() {
  if (words_.capacity() <= kKeptWordsMax && kept.size() < kKeptMax) kept.push_back(std::move(words_));
}

Status matchingRows(const Snapshot& snapshot, Visibility v, const FilterInput* filter, CancelToken cancel, uint64_t* words, uint32_t& count) {
  if (cancel.raised()) return Status::canceled();
  count = snapshot.segment->visibleRows(snapshot, v, words);
  // An empty segment still says what is wrong with a filter.
  if (filter == nullptr || filter->program == nullptr) return good();
  REDKITE_TRY(filter::run(*filter->program, snapshot, filter->externals, cancel, words));
  count = countBits(words, snapshot.rows);
  return good();
}

Status retrieve(const Snapshot& snapshot, Visibility v, const FilterInput* filter, int64_t limit, Order order, CancelToken cancel,
                std::vector<int32_t>& out) {
  RowBitmap bitmap(snapshot.rows);
  uint32_t count = 0;
  REDKITE_TRY(matchingRows(snapshot, v, filter, cancel, bitmap.words(), count));
  out.clear();
  if (limit == 0 || count == 0) return good();
  if (order == Order::row) {
    out.reserve(limit < 0 ? count : static_cast<size_t>(std::min<int64_t>(limit, count)));
    forEachBit(bitmap.words(), snapshot.rows, [&](uint32_t row) {
      out.push_back(static_cast<int32_t>(row));
      return limit < 0 || static_cast<int64_t>(out.size()) < limit;
    });
    return good();
  }
  const ColumnView& key = *snapshot.key();
  if (key.kind == Kind::fixed) {
    struct Entry {
      int64_t key;
      int32_t row;
    };
    std::vector<Entry> entries;
    entries.reserve(count);
    forEachBit(bitmap.words(), snapshot.rows, [&](uint32_t row) {
      entries.push_back({key.as<int64_t>()[row], static_cast<int32_t>(row)});
      return true;
    });
    if (cancel.raised()) return Status::canceled();
    keepFirst(entries, limit, [](const Entry& a, const Entry& b) { return a.key != b.key ? a.key < b.key : a.row < b.row; });
    out.reserve(entries.size());
    for (const Entry& e : entries) out.push_back(e.row);
    return good();
  }
  out.reserve(count);
  forEachBit(bitmap.words(), snapshot.rows, [&](uint32_t row) {
    out.push_back(static_cast<int32_t>(row));
    return true;
  });
  if (cancel.raised()) return Status::canceled();
  keepFirst(out, limit, [&](int32_t a, int32_t b) {
    const int order = key.bytesAt(static_cast<uint32_t>(a)).compare(key.bytesAt(static_cast<uint32_t>(b)));
    return order != 0 ? order < 0 : a < b;
  });
  return good();
}

FieldStats fieldStats(const ColumnView& column, uint32_t rows) {
  FieldStats stats;
  const Type type = column.field.type;
  if (type == Type::boolean) {
    stats.kind = FieldStats::Kind::boolean;
  } else if (isInteger(type)) {
    stats.kind = FieldStats::Kind::integer;
  } else if (isFloat(type)) {
    stats.kind = FieldStats::Kind::number;
  } else if (isString(type)) {
    stats.kind = FieldStats::Kind::text;
  } else {
    return stats;
  }
  if (column.allNull) {
    stats.nulls = rows;
    return stats;
  }
  std::string_view minText, maxText;
  for (uint32_t row = 0; row < rows; row++) {
    if (column.isNull(row)) {
      stats.nulls++;
      continue;
    }
    const bool first = !stats.some;
    switch (stats.kind) {
      case FieldStats::Kind::number: {
        const double v = column.floatAt(row);
        if (std::isnan(v)) continue;
        if (first || v < stats.minNumber) stats.minNumber = v;
        if (first || v > stats.maxNumber) stats.maxNumber = v;
        break;
      }
      case FieldStats::Kind::text: {
        const std::string_view v = column.bytesAt(row);
        if (first || v < minText) minText = v;
        if (first || v > maxText) maxText = v;
        break;
      }
      default: {
        const int64_t v = column.integerAt(row);
        if (first || v < stats.minInteger) stats.minInteger = v;
        if (first || v > stats.maxInteger) stats.maxInteger = v;
      }
    }
    stats.some = true;
  }
  stats.minText = minText;
  stats.maxText = maxText;
  return stats;
}

}  // namespace redkite::segment
