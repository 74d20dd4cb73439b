// 8-bit scalar codes of dense vectors, and queries quantised the other way round.
#pragma once

#include <cstdint>
#include <vector>

#include "redkite/types.h"

namespace redkite {

/// One global scale, one offset per dimension: value[d] ~= center[d] + scale * (code[d] - 128), codes unsigned.
/// With a query in signed 8 bits the inner product is one integer multiply-add chain without corrections per row.
struct ScalarQuantiser {
  uint32_t dim = 0;
  float scale = 1;
  std::vector<float> center;  ///< [dim]; zeros unless the metric is l2

  void encode(const float* values, uint8_t* codes) const;
  void decode(const uint8_t* codes, float* values) const;
};

/// Trains on `count` vectors of `dim` floats. `l2` centers each dimension; `clip` picks the scale with the smallest mean squared error
/// instead of covering the largest value.
ScalarQuantiser trainQuantiser(const float* values, uint32_t count, uint32_t dim, bool l2, bool clip);

/// A query for CodeKernels::dot: query[d] ~= scale * code[d], |code[d]| <= queryMax. `sum` is the sum of the codes.
struct QuantisedQuery {
  float scale = 0;
  int32_t sum = 0;
};
/// Non-finite elements become 0. `codes` has room for `dim` entries.
QuantisedQuery quantiseQuery(const float* values, uint32_t dim, int32_t queryMax, int8_t* codes);

}  // namespace redkite
