// List kernels that need no instruction by name: plain loops over 16 lanes, which each instruction set's file compiles for itself. In an
// unnamed namespace for that reason.
#pragma once

#include "redkite/kernels.h"

namespace redkite {
namespace {

constexpr uint32_t kLanes = 16;

inline void listProducts(const float* query, const float* codebook, uint32_t subs, uint32_t width, uint32_t entries, float* out) {
  for (uint32_t s = 0; s < subs; ++s) {
    for (uint32_t first = 0; first < entries; first += kLanes) {
      float sums[kLanes] = {};
      const float* values = codebook + size_t{s} * width * entries + first;
      for (uint32_t d = 0; d < width; ++d, values += entries) {
        const float factor = query[size_t{s} * width + d];
        for (uint32_t lane = 0; lane < kLanes; ++lane) sums[lane] += factor * values[lane];
      }
      for (uint32_t lane = 0; lane < kLanes; ++lane) out[size_t{s} * entries + first + lane] = sums[lane];
    }
  }
}

inline uint32_t listNearest(const float* products, const float* norms, uint32_t entries) {
  float best[kLanes];
  int32_t at[kLanes];
  for (uint32_t lane = 0; lane < kLanes; ++lane) {
    best[lane] = norms[lane] - 2 * products[lane];
    at[lane] = 0;
  }
  for (uint32_t first = kLanes; first < entries; first += kLanes) {
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
      const float distance = norms[first + lane] - 2 * products[first + lane];
      const bool nearer = distance < best[lane];
      best[lane] = nearer ? distance : best[lane];
      at[lane] = nearer ? static_cast<int32_t>(first) : at[lane];
    }
  }
  uint32_t winner = 0;
  for (uint32_t lane = 1; lane < kLanes; ++lane) {
    const bool nearer = best[lane] < best[winner] || (best[lane] == best[winner] && at[lane] < at[winner]);
    winner = nearer ? lane : winner;
  }
  return static_cast<uint32_t>(at[winner]) + winner;
}

inline void listBounds(const float* values, uint32_t n, float* least, float* greatest) {
  float low[kLanes];
  float high[kLanes];
  for (uint32_t lane = 0; lane < kLanes; ++lane) low[lane] = high[lane] = values[lane];
  for (uint32_t i = kLanes; i < n; i += kLanes) {
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
      low[lane] = values[i + lane] < low[lane] ? values[i + lane] : low[lane];
      high[lane] = values[i + lane] > high[lane] ? values[i + lane] : high[lane];
    }
  }
  for (uint32_t lane = 1; lane < kLanes; ++lane) {
    low[0] = low[lane] < low[0] ? low[lane] : low[0];
    high[0] = high[lane] > high[0] ? high[lane] : high[0];
  }
  *least = low[0];
  *greatest = high[0];
}

inline void listQuantise(const float* values, uint32_t n, float least, float inverse, uint8_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    float value = (values[i] - least) * inverse + 0.5f;
    value = value > 0 ? value : 0;
    value = value < 255 ? value : 255;
    out[i] = static_cast<uint8_t>(static_cast<int32_t>(value));
  }
}

inline void listLookup8(const uint8_t* tables, const uint8_t* codes, uint32_t subs, uint32_t blocks, int32_t* sums) {
  for (uint32_t block = 0; block < blocks; ++block) {
    int32_t sum[kBlockRows] = {};
    for (uint32_t s = 0; s < subs; ++s) {
      const uint8_t* table = tables + size_t{s} * 256;
      const uint8_t* row = codes + (size_t{block} * subs + s) * kBlockRows;
      for (uint32_t r = 0; r < kBlockRows; ++r) sum[r] += table[row[r]];
    }
    for (uint32_t r = 0; r < kBlockRows; ++r) sums[block * kBlockRows + r] = sum[r];
  }
}

}  // namespace
}  // namespace redkite
