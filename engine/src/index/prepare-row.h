// Rows in the form that is coded.
#pragma once

#include <cmath>
#include <cstdint>

#include "redkite/scorer.h"

namespace redkite {

/// A row as it is coded: widened, and for cosine of unit length.
inline void prepareRow(const VectorView& view, Metric metric, uint32_t row, float* out) {
  widenRow(view.type, view.row(row), view.dim, out);
  if (metric != Metric::cosine) return;
  double squared = 0;
  for (uint32_t d = 0; d < view.dim; ++d) squared += static_cast<double>(out[d]) * static_cast<double>(out[d]);
  const float inverse = squared > 0 && std::isfinite(squared) ? static_cast<float>(1 / std::sqrt(squared)) : 0.0f;
  for (uint32_t d = 0; d < view.dim; ++d) out[d] *= inverse;
}

}  // namespace redkite
