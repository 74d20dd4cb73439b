// Row batches as they come from the log (docs/internals/row-batch.md): checked once, then read through pointers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "status.h"
#include "types.h"

namespace redkite::segment {

/** One column of a batch. Pointers are only byte-aligned. */
struct BatchColumn {
  uint32_t fieldId = 0;
  Type type = Type::none;
  Type elementType = Type::none;
  Kind kind = Kind::fixed;
  uint32_t dim = 0;
  uint32_t childRows = 0;
  const uint8_t* validity = nullptr;
  const uint8_t* offsets = nullptr;
  const uint8_t* childOffsets = nullptr;
  const uint8_t* values = nullptr;
  uint32_t valuesBytes = 0;
};

struct Batch {
  uint32_t rows = 0;
  std::vector<BatchColumn> columns;
};

inline constexpr size_t kBatchBytesMax = size_t{256} << 20;

/** Verifies every length, offset and count of `bytes`. What it accepts can be read without further checks. */
Status parseBatch(std::span<const uint8_t> bytes, Batch& out);

/** Whether `offsets` (int32 [count + 1], any alignment) starts at `first`, never falls and ends at `last`. */
bool offsetsRise(const uint8_t* offsets, uint32_t count, int32_t first, int64_t last);

}  // namespace redkite::segment
