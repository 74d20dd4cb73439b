// One column of a growing segment: regions that are filled from the front while readers use what is published.
#pragma once

#include <memory>
#include <vector>

#include "buffer.h"
#include "column.h"
#include "row-batch.h"

namespace redkite::segment {

/** Written by one thread. Readers hold the views that `view` gave when the layout was published. */
class GrowingColumn {
 public:
  static Status create(const Field& field, uint32_t rowsMax, GrowingColumn& out);

  const Field& field() const { return field_; }

  /** Makes room; `moved` becomes true when a buffer got another address, and views must be published anew. */
  Status reserveFrom(const BatchColumn* source, uint32_t sourceRows, bool& moved);
  Status reserveFrom(const ColumnView* source, const std::vector<uint32_t>& rows, bool& moved);

  /** Writes rows from row `at` on; room is there. Without a source: defaults or nulls. */
  void write(const BatchColumn* source, uint32_t sourceRows, uint32_t at);
  void write(const ColumnView* source, const std::vector<uint32_t>& rows, uint32_t at);

  ColumnView view() const;
  void keepAlive(std::vector<std::shared_ptr<const void>>& out) const;
  uint64_t usedBytes() const;

 private:
  Status room(std::shared_ptr<Region>& region, uint64_t used, uint64_t wanted, bool& moved);
  Status roomFor(uint64_t children, uint64_t valueBytes, bool& moved);
  void markNull(uint32_t row);
  void fillMissing(uint32_t rows, uint32_t at);

  Field field_;
  Kind kind_ = Kind::fixed;
  uint32_t width_ = 0;
  std::shared_ptr<Region> values_;
  std::shared_ptr<Region> offsets_;
  std::shared_ptr<Region> childOffsets_;
  std::shared_ptr<Region> nullBytes_;
  uint64_t valueBytes_ = 0;
  uint64_t childRows_ = 0;
  uint32_t rowsMax_ = 0;
};

}  // namespace redkite::segment
