// Scalar indexes (docs/internals/scalar-index.md): built over a snapshot, opened in place, asked for the rows of a predicate.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "../segment/buffer.h"
#include "../segment/column.h"
#include "predicate.h"

namespace redkite::filter {

enum class ScalarIndexKind : uint8_t { sorted = 0, bitmap = 1 };

class ScalarIndex {
 public:
  /** Verifies everything that is used to find memory. `data` is 8-byte aligned. */
  static Status open(std::span<const uint8_t> data, ScalarIndex& out);

  static bool recognises(std::span<const uint8_t> data);

  uint32_t rows() const { return rows_; }
  segment::Type type() const { return type_; }

  /**
   * Sets the bits of the rows that pass `predicate` (before its negation) in `words`, which are 0. False when this index cannot tell,
   * or a scan of the column is cheaper.
   */
  bool answer(const Predicate& predicate, const segment::ColumnView& column, uint64_t* words) const;

 private:
  struct Entries {
    uint32_t from = 0;
    uint32_t to = 0;
  };

  int64_t integer(uint32_t entry) const;
  double number(uint32_t entry) const;
  std::string_view text(const segment::ColumnView& column, uint32_t entry) const;
  /** First entry for which `holds`, which turns true once. */
  template <typename Holds>
  uint32_t first(Holds holds) const;
  bool entriesOf(const Predicate& predicate, const segment::ColumnView& column, std::vector<Entries>& out) const;
  uint64_t rowsOf(const Entries& entries) const;
  void mark(const Entries& entries, uint64_t* words) const;

  ScalarIndexKind kind_ = ScalarIndexKind::sorted;
  segment::Type type_ = segment::Type::none;
  uint32_t rows_ = 0;
  uint32_t entries_ = 0;
  uint32_t width_ = 0;
  const uint8_t* data_ = nullptr;
  /** Sorted: the row of each entry. Bitmap over strings: a row that holds each value. */
  const uint32_t* rowIds_ = nullptr;
  const uint8_t* values_ = nullptr;
  const uint8_t* directory_ = nullptr;
};

/** `progress` counts rows done; may be null. */
Status buildScalarIndex(const segment::ColumnView& column, uint32_t rows, ScalarIndexKind kind, CancelToken cancel, int32_t* progress,
                        std::shared_ptr<segment::Buffer>& out);

}  // namespace redkite::filter
