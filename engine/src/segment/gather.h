// Copies rows of a column out: chosen ones for an answer, all of them for a file.
#pragma once

#include <cstdint>
#include <span>

#include "column.h"

namespace redkite::segment {

/** Bytes of the buffers that a copy needs. `validity` is 0 when no row is null. */
struct ColumnShape {
  uint64_t rows = 0;
  uint64_t validity = 0;
  uint64_t offsets = 0;
  uint64_t childOffsets = 0;
  uint64_t childRows = 0;
  uint64_t values = 0;
};

/** Where they go; a null validity is left out. */
struct ColumnTarget {
  uint8_t* validity = nullptr;
  int32_t* offsets = nullptr;
  int32_t* childOffsets = nullptr;
  uint8_t* values = nullptr;
};

/** The rows given, in their order. Each is below the snapshot's rows. */
Status measureRows(const ColumnView& column, std::span<const int32_t> rows, ColumnShape& out);
void copyRows(const ColumnView& column, std::span<const int32_t> rows, const ColumnTarget& to);

/** The first `rows` rows. */
ColumnShape measurePrefix(const ColumnView& column, uint32_t rows);
void copyPrefix(const ColumnView& column, uint32_t rows, const ColumnTarget& to);

/** Packs bytes of 0 and 1 into bits. */
void packBits(const uint8_t* bytes, uint64_t count, uint8_t* bits);
void unpackBits(const uint8_t* bits, uint64_t count, uint8_t* bytes);

}  // namespace redkite::segment
