// Random columns of every type, and the exact answer computed the slow way.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "redkite/fp16.h"
#include "redkite/scorer.h"
#include "redkite/types.h"

/// A CHECK that also says with which values.
#define EXPECT(condition, ...)                                                                                       \
  do {                                                                                                               \
    if (!(condition)) {                                                                                              \
      std::fprintf(stderr, "%s:%d: not so: %s %s\n", __FILE__, __LINE__, #condition, std::string(__VA_ARGS__).c_str()); \
      std::abort();                                                                                                  \
    }                                                                                                                \
  } while (0)

namespace redkite::test {

inline double uniform(Random& random) { return static_cast<double>(random.next() >> 11) * 0x1p-53; }

/// Roughly normal, mean 0, deviation 1.
inline float normal(Random& random) {
  double sum = 0;
  for (int i = 0; i < 6; ++i) sum += uniform(random);
  return static_cast<float>((sum - 3) * 1.4142135623730951);
}

inline std::vector<uint8_t> encoded(VectorType type, const std::vector<float>& values) {
  if (type == VectorType::binary) {
    std::vector<uint8_t> bits(values.size() / 8, 0);
    for (size_t i = 0; i < values.size(); ++i) bits[i / 8] |= static_cast<uint8_t>((values[i] > 0 ? 1 : 0) << (i % 8));
    return bits;
  }
  std::vector<uint8_t> bytes(values.size() * rowBytes(type, 1));
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t wide = type == VectorType::f16 ? floatToHalf(values[i]) : floatToBf16(values[i]);
    if (type == VectorType::f32) std::memcpy(&bytes[i * 4], &values[i], 4);
    else if (type == VectorType::i8) bytes[i] = static_cast<uint8_t>(static_cast<int8_t>(std::clamp(std::nearbyint(values[i] * 30), -128.0f, 127.0f)));
    else std::memcpy(&bytes[i * 2], &wide, 2);
  }
  return bytes;
}

/// Clustered, as real embeddings are: each row is one of 50 centers with noise.
inline std::vector<float> clustered(uint32_t rows, uint32_t dim, uint64_t seed, uint64_t centerSeed = 77) {
  Random centers(centerSeed);
  std::vector<float> center(size_t{50} * dim);
  for (float& value : center) value = normal(centers);
  Random random(seed);
  std::vector<float> values(size_t{rows} * dim);
  for (uint32_t row = 0; row < rows; ++row) {
    const float* from = center.data() + size_t{random.below(50)} * dim;
    for (uint32_t d = 0; d < dim; ++d) values[size_t{row} * dim + d] = from[d] + 0.7f * normal(random);
  }
  return values;
}

/// A column with its storage, in one chunk or several.
struct Column {
  std::vector<std::vector<uint8_t>> storage;
  std::vector<const uint8_t*> chunks;
  VectorView view;

  Column(VectorType type, uint32_t dim, const std::vector<uint8_t>& bytes, uint32_t chunkRowsLog2 = 32) {
    const size_t stride = rowBytes(type, dim);
    const uint32_t rows = static_cast<uint32_t>(bytes.size() / stride);
    const size_t perChunk = std::min<uint64_t>(uint64_t{1} << chunkRowsLog2, std::max(rows, 1u)) * stride;
    for (size_t at = 0; at == 0 || at < bytes.size(); at += perChunk) {
      storage.emplace_back(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), at + perChunk)));
    }
    for (const auto& chunk : storage) chunks.push_back(chunk.data());
    view = {type, dim, rows, chunks.data(), chunkRowsLog2, stride};
  }
};

inline double slowScore(VectorType type, Metric metric, uint32_t dim, const uint8_t* a, const uint8_t* b) {
  if (type == VectorType::binary) {
    uint32_t different = 0, both = 0, either = 0;
    for (uint32_t i = 0; i < dim / 8; ++i) {
      different += static_cast<uint32_t>(std::popcount(static_cast<unsigned>(a[i] ^ b[i])));
      both += static_cast<uint32_t>(std::popcount(static_cast<unsigned>(a[i] & b[i])));
      either += static_cast<uint32_t>(std::popcount(static_cast<unsigned>(a[i] | b[i])));
    }
    return metric == Metric::hamming ? different : either == 0 ? 0 : 1 - static_cast<double>(both) / either;
  }
  std::vector<float> x(dim), y(dim);
  widenRow(type, a, dim, x.data());
  widenRow(type, b, dim, y.data());
  double dot = 0, l2 = 0, xx = 0, yy = 0;
  for (uint32_t d = 0; d < dim; ++d) {
    const double p = x[d], q = y[d];
    dot += p * q;
    l2 += (p - q) * (p - q);
    xx += p * p;
    yy += q * q;
  }
  return metric == Metric::l2 ? l2 : metric == Metric::ip ? dot : xx == 0 || yy == 0 ? 0 : dot / std::sqrt(xx * yy);
}

struct Hits {
  std::vector<uint32_t> rows, counts;
  std::vector<float> scores;
  size_t perQuery;
  HitBuffer buffer;
  Hits(size_t nq, size_t hitsMax)
      : rows(nq * hitsMax), counts(nq), scores(nq * hitsMax), perQuery(hitsMax), buffer{rows.data(), scores.data(), counts.data()} {}
};

struct Mask {
  std::vector<uint64_t> words;
  uint32_t rows;
  Mask(uint32_t count) : words((count + 63) / 64), rows(count) {}
  void set(uint32_t row) { words[row / 64] |= uint64_t{1} << (row % 64); }
  Bitset view() const { return {words.data(), rows}; }
};

inline Mask randomMask(uint32_t rows, double share, uint64_t seed) {
  Mask mask(rows);
  Random random(seed);
  for (uint32_t row = 0; row < rows; ++row) if (uniform(random) < share) mask.set(row);
  return mask;
}

struct TypeAndMetric {
  VectorType type;
  Metric metric;
};
/// Those that indexes are built for.
inline constexpr TypeAndMetric kAllPairs[] = {
    {VectorType::f32, Metric::l2},  {VectorType::f32, Metric::ip},  {VectorType::f32, Metric::cosine},
    {VectorType::f16, Metric::l2},  {VectorType::f16, Metric::ip},  {VectorType::f16, Metric::cosine},
    {VectorType::bf16, Metric::l2}, {VectorType::bf16, Metric::ip}, {VectorType::bf16, Metric::cosine},
    {VectorType::i8, Metric::l2},   {VectorType::i8, Metric::ip},   {VectorType::i8, Metric::cosine},
    {VectorType::binary, Metric::hamming}, {VectorType::binary, Metric::jaccard},
};

inline std::string nameOf(VectorType type, Metric metric) {
  static const char* const types[] = {"f32", "f16", "bf16", "i8", "binary", "sparse"};
  static const char* const metrics[] = {"l2", "ip", "cosine", "hamming", "jaccard"};
  return std::string(types[static_cast<int>(type)]) + "/" + metrics[static_cast<int>(metric)];
}

}  // namespace redkite::test
