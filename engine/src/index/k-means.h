// Centroids of rows and the nearest centroid of each, on 8-bit codes.
#pragma once

#include <cstdint>
#include <vector>

#include "ivf-rows.h"
#include "redkite/hnsw.h"
#include "redkite/types.h"

namespace redkite {

/// Rows as queries of the list kernels.
struct CodedPoints {
  uint32_t count = 0;
  uint32_t stride = 0;          ///< bytes of a row's codes, a multiple of 4
  std::vector<int8_t> codes;
  std::vector<float> scales;
  std::vector<int32_t> sums;    ///< of each row's codes

  void resize(uint32_t rows, uint32_t dim);
  void set(uint32_t at, const float* values, uint32_t dim);
  const int8_t* row(uint32_t at) const { return codes.data() + size_t{at} * stride; }
};

/// Vectors in blocks, ready to be compared with coded points.
struct CoarseView {
  uint32_t count = 0;
  uint32_t groups = 0;
  const uint8_t* codes = nullptr;  ///< [blocks][groups][kBlockRows][4]
  const float* rows = nullptr;     ///< [blocks][scale, constant][kBlockRows]; the constant is the squared length

  uint32_t blocks() const { return (count + kBlockRows - 1) / kBlockRows; }
  uint64_t codeBytes() const { return uint64_t{blocks()} * groups * kBlockRows * 4; }
};

/// Fills `codes` and `rows` of a CoarseView from `count` vectors of `dim` floats. Places behind the last vector are infinitely far.
void packCoarse(const float* vectors, uint32_t count, uint32_t dim, uint8_t* codes, float* rows);

/// out[i - begin] = the vector nearest to point i, of equals the first.
void nearestCoarse(const CoarseView& coarse, const CodedPoints& points, uint32_t begin, uint32_t end, uint32_t* out);

struct ClusterParams {
  uint32_t lists = 1;
  uint32_t iterations = 10;
  uint32_t threads = 1;
  uint64_t seed = 1;
};

/// [lists][dim] centroids of the points. Empty ones take half of a large one's rows. The same for any number of threads.
Result<std::vector<float>> trainCentroids(const CodedPoints& points, uint32_t dim, const ClusterParams& params, CancelToken cancel);

/// The same for rows of `bytes` bytes of bits: the majority of each bit. [lists][bytes].
Result<std::vector<uint8_t>> trainBinaryCentroids(const uint8_t* const* rows, uint32_t count, uint32_t bytes, const ClusterParams& params, CancelToken cancel);

/// The first nearest of `lists` bit vectors for each of the rows [begin, end).
void nearestBinary(const std::vector<const uint8_t*>& centroids, uint32_t bytes, const uint8_t* const* rows, uint32_t begin, uint32_t end, uint32_t* out);

/// Deterministic random numbers of training.
class TrainingRandom {
 public:
  explicit TrainingRandom(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 0x853c49e6748fea9bu) {}
  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  uint32_t below(uint32_t n) { return static_cast<uint32_t>((next() >> 32) * n >> 32); }

 private:
  uint64_t state_;
};

/// `wanted` different numbers below `n` (all of them where there are not more), in random order.
std::vector<uint32_t> sampleOf(uint32_t n, uint32_t wanted, TrainingRandom& random);

}  // namespace redkite
