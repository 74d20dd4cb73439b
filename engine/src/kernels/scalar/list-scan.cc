// The reference of the list kernels.
#include "../list-loops.h"
#include "../tables.h"

namespace redkite {
namespace {

void dots(const int8_t* const* queries, uint32_t nq, const uint8_t* packed, uint32_t groups, int32_t* sums) {
  for (uint32_t q = 0; q < nq; ++q) {
    int32_t* out = sums + q * kBlockRows;
    for (uint32_t r = 0; r < kBlockRows; ++r) out[r] = 0;
    for (uint32_t d = 0; d < groups * 4; ++d) {
      const uint8_t* codes = packed + size_t{d / 4} * kBlockRows * 4 + d % 4;
      for (uint32_t r = 0; r < kBlockRows; ++r) out[r] += queries[q][d] * codes[r * 4];
    }
  }
}

void lookup4(const uint8_t* tables, const uint8_t* codes, uint32_t groups, int32_t* sums) {
  for (uint32_t r = 0; r < kBlockRows; ++r) sums[r] = 0;
  for (uint32_t s = 0; s < groups * 4; ++s) {
    for (uint32_t r = 0; r < 16; ++r) {
      sums[r] += tables[s * 16 + (codes[s * 16 + r] & 15)];
      sums[r + 16] += tables[s * 16 + (codes[s * 16 + r] >> 4)];
    }
  }
}

uint32_t estimate(const int32_t* sums, const ListRows& rows, const ListQuery& query, float worst, float* distances, float* slack) {
  uint32_t mask = 0;
  for (uint32_t r = 0; r < kBlockRows; ++r) {
    const float scale = rows.scale == nullptr ? query.factor : query.factor * rows.scale[r];
    const float constant = rows.constant == nullptr ? query.base : query.base + rows.constant[r];
    distances[r] = constant - scale * (static_cast<float>(sums[r]) - query.offset);
    slack[r] = query.rounding;
    if (rows.error != nullptr) slack[r] += query.length * rows.error[r] + query.error * rows.length[r];
    if (!(distances[r] - slack[r] > worst)) mask |= 1u << r;
  }
  return mask;
}

}  // namespace

ListKernels scalarLists() {
  return {dots, lookup4, listLookup8, estimate, listProducts, listNearest, listBounds, listQuantise};
}

}  // namespace redkite
