// Runs a filter program over a segment, a block of rows at a time.
#pragma once

#include <cstdint>
#include <span>

#include "../segment/segment.h"
#include "program.h"

namespace redkite::filter {

/** Bitmaps computed elsewhere. Rows of a growing segment beyond `words` words are unknown: they came after the bitmaps. */
struct External {
  const uint64_t* isTrue = nullptr;
  const uint64_t* isFalse = nullptr;
  uint32_t words = 0;
};

/** Keeps of the `rows` bits those of rows for which the program is true. Rows whose bit is not set may be skipped. */
Status run(const Program& program, const segment::Snapshot& snapshot, std::span<const External> externals, CancelToken cancel, uint64_t* rows);

}  // namespace redkite::filter
