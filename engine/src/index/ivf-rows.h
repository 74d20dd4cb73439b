// Rows and queries as an inverted file sees them, and the 8-bit codes of blocks of them.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "redkite/kernels.h"
#include "redkite/quantise.h"
#include "redkite/scorer.h"
#include "redkite/types.h"

namespace redkite {

/// Widens, brings to unit length (cosine), takes the center away (l2) and rotates (signs given). All of it keeps inner products and
/// distances between rows and queries, up to the center.
class RowPreparer {
 public:
  /// `center` and `signs` may be null; signs are kRotationRounds times dim factors of 1 or -1.
  RowPreparer(VectorType type, Metric metric, uint32_t dim, const float* center, const float* signs)
      : type_(type), metric_(metric), dim_(dim), center_(center), signs_(signs) {}

  /// `out` holds dim floats. Values that are not finite become 0 and make the answer false.
  bool prepare(const uint8_t* row, float* out) const;

 private:
  void rotate(float* values) const;

  VectorType type_;
  Metric metric_;
  uint32_t dim_;
  const float* center_;
  const float* signs_;
};

/// Codes a row into place r of a block: packed[dim / 4][kBlockRows][4], value ~= scale * (code - 128). Answers the scale.
float packRow(const float* values, uint32_t dim, uint32_t r, uint8_t* packed);

/// What is left of a row when its codes are taken away.
float codingError(const float* values, uint32_t dim, uint32_t r, const uint8_t* packed, float scale);

inline float lengthOf(const float* values, uint32_t dim) {
  double squared = 0;
  for (uint32_t d = 0; d < dim; ++d) squared += static_cast<double>(values[d]) * static_cast<double>(values[d]);
  return static_cast<float>(std::sqrt(squared));
}

inline float dotOf(const float* a, const float* b, uint32_t dim) {
  float out = 0;
  const uint8_t* row = reinterpret_cast<const uint8_t*>(b);
  kernels().f32.dot(a, &row, 1, dim, &out);
  return out;
}

}  // namespace redkite
