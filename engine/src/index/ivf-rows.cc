#include "ivf-rows.h"

#include <algorithm>
#include <bit>

#include "ivf-file.h"

namespace redkite {
namespace {

/// The Walsh-Hadamard transform of a power of two values, scaled to keep lengths.
void transform(float* values, uint32_t n) {
  for (uint32_t half = 1; half < n; half *= 2) {
    for (uint32_t begin = 0; begin < n; begin += half * 2) {
      float* a = values + begin;
      float* b = a + half;
      for (uint32_t i = 0; i < half; ++i) {
        const float sum = a[i] + b[i];
        const float difference = a[i] - b[i];
        a[i] = sum;
        b[i] = difference;
      }
    }
  }
  const float scale = 1 / std::sqrt(static_cast<float>(n));
  for (uint32_t i = 0; i < n; ++i) values[i] *= scale;
}

}  // namespace

bool RowPreparer::prepare(const uint8_t* row, float* out) const {
  widenRow(type_, row, dim_, out);
  bool finite = true;
  for (uint32_t d = 0; d < dim_; ++d) {
    const bool good = std::isfinite(out[d]);
    finite = finite && good;
    out[d] = good ? out[d] : 0.0f;
  }
  if (metric_ == Metric::cosine) {
    double squared = 0;
    for (uint32_t d = 0; d < dim_; ++d) squared += static_cast<double>(out[d]) * static_cast<double>(out[d]);
    const float inverse = squared > 0 ? static_cast<float>(1 / std::sqrt(squared)) : 0.0f;
    for (uint32_t d = 0; d < dim_; ++d) out[d] *= inverse;
    // Of lengths near the ends of the number range nothing is known any more.
    finite = finite && (squared == 0 || (squared > 1e-30 && squared < 1e30));
  } else {
    for (uint32_t d = 0; center_ != nullptr && d < dim_; ++d) out[d] -= center_[d];
  }
  if (signs_ != nullptr) rotate(out);
  return finite;
}

void RowPreparer::rotate(float* values) const {
  const uint32_t n = std::bit_floor(dim_);
  for (uint32_t round = 0; round < kRotationRounds; ++round) {
    const float* signs = signs_ + size_t{round} * dim_;
    for (uint32_t d = 0; d < dim_; ++d) values[d] *= signs[d];
    transform(round % 2 == 0 ? values : values + (dim_ - n), n);
  }
}

float packRow(const float* values, uint32_t dim, uint32_t r, uint8_t* packed) {
  float largest = 0;
  for (uint32_t d = 0; d < dim; ++d) largest = std::max(largest, std::fabs(values[d]));
  const float inverse = largest > 0 ? 127 / largest : 0.0f;
  // A length too small to be turned round is no length.
  const bool usable = std::isfinite(inverse) && largest > 0;
  uint8_t* to = packed + size_t{r} * 4;
  for (uint32_t d = 0; d < dim; ++d) {
    const float code = usable ? values[d] * inverse + 128.5f : 128.5f;
    to[size_t{d / 4} * kBlockRows * 4 + d % 4] = static_cast<uint8_t>(static_cast<int32_t>(std::clamp(code, 1.0f, 255.5f)));
  }
  return usable ? largest / 127 : 0.0f;
}

float codingError(const float* values, uint32_t dim, uint32_t r, const uint8_t* packed, float scale) {
  const uint8_t* from = packed + size_t{r} * 4;
  double squared = 0;
  for (uint32_t d = 0; d < dim; ++d) {
    const float code = static_cast<float>(static_cast<int32_t>(from[size_t{d / 4} * kBlockRows * 4 + d % 4]) - 128);
    const double lost = static_cast<double>(values[d]) - static_cast<double>(scale) * static_cast<double>(code);
    squared += lost * lost;
  }
  return static_cast<float>(std::sqrt(squared));
}

}  // namespace redkite
