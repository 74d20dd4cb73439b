#include "redkite/quantise.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace redkite {
namespace {

float finiteOr0(float value) { return std::isfinite(value) ? value : 0.0f; }

double squaredError(const std::vector<float>& sample, float scale) {
  double total = 0;
  for (const float value : sample) {
    const float code = std::clamp(std::nearbyint(value / scale), -128.0f, 127.0f);
    const double error = static_cast<double>(value) - static_cast<double>(code * scale);
    total += error * error;
  }
  return total;
}

}  // namespace

void ScalarQuantiser::encode(const float* values, uint8_t* codes) const {
  const float inverse = 1 / scale;
  for (uint32_t d = 0; d < dim; ++d) {
    const float code = std::nearbyint(finiteOr0((values[d] - center[d]) * inverse));
    codes[d] = static_cast<uint8_t>(static_cast<int32_t>(std::clamp(code, -128.0f, 127.0f)) + 128);
  }
}

void ScalarQuantiser::decode(const uint8_t* codes, float* values) const {
  for (uint32_t d = 0; d < dim; ++d) values[d] = center[d] + scale * static_cast<float>(static_cast<int32_t>(codes[d]) - 128);
}

ScalarQuantiser trainQuantiser(const float* values, uint32_t count, uint32_t dim, bool l2, bool clip) {
  ScalarQuantiser quantiser{dim, 1, std::vector<float>(dim, 0.0f)};
  if (l2 && count > 0) {
    for (uint32_t d = 0; d < dim; ++d) {
      double sum = 0;
      for (uint32_t i = 0; i < count; ++i) sum += static_cast<double>(finiteOr0(values[size_t{i} * dim + d]));
      quantiser.center[d] = static_cast<float>(sum / count);
    }
  }
  // Every fifth or so element is enough to choose one number.
  constexpr size_t sampleMax = 65536;
  const size_t total = size_t{count} * dim;
  const size_t stride = std::max<size_t>(1, total / sampleMax) | 1;
  std::vector<float> sample;
  float largest = 0;
  for (size_t i = 0; i < total; ++i) {
    const float centered = finiteOr0(values[i] - quantiser.center[i % dim]);
    largest = std::max(largest, std::fabs(centered));
    if (i % stride == 0) sample.push_back(centered);
  }
  if (!(largest > 0)) return quantiser;
  quantiser.scale = largest / 127;
  if (!clip) return quantiser;
  double best = squaredError(sample, quantiser.scale);
  for (float share = 0.9f; share > 0.15f; share *= 0.9f) {
    const float scale = largest * share / 127;
    const double error = squaredError(sample, scale);
    if (error >= best) continue;
    best = error;
    quantiser.scale = scale;
  }
  return quantiser;
}

QuantisedQuery quantiseQuery(const float* values, uint32_t dim, int32_t queryMax, int8_t* codes) {
  float largest = 0;
  for (uint32_t d = 0; d < dim; ++d) largest = std::max(largest, std::fabs(finiteOr0(values[d])));
  QuantisedQuery query;
  if (!(largest > 0)) {
    std::fill(codes, codes + dim, int8_t{0});
    return query;
  }
  query.scale = largest / static_cast<float>(queryMax);
  const float inverse = static_cast<float>(queryMax) / largest;
  const float bound = static_cast<float>(queryMax);
  for (uint32_t d = 0; d < dim; ++d) {
    const float code = std::clamp(std::nearbyint(finiteOr0(values[d] * inverse)), -bound, bound);
    codes[d] = static_cast<int8_t>(code);
    query.sum += codes[d];
  }
  return query;
}

}  // namespace redkite
