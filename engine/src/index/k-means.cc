#include "k-means.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <unordered_set>

#include "parallel.h"

namespace redkite {
namespace {

constexpr uint32_t kPointsAtATime = 1024;
/// Binary rows that one call of a kernel compares.
constexpr uint32_t kRowsAtATime = 256;

/// Rows of each list: rows[begin[l] .. end[l]), in order.
struct Members {
  std::vector<uint32_t> begin;
  std::vector<uint32_t> end;
  std::vector<uint32_t> rows;

  Members(const std::vector<uint32_t>& listOf, uint32_t lists) : begin(lists, 0), end(lists, 0), rows(listOf.size()) {
    for (const uint32_t list : listOf) ++end[list];
    std::exclusive_scan(end.begin(), end.end(), begin.begin(), 0u);
    end = begin;
    for (uint32_t i = 0; i < listOf.size(); ++i) rows[end[listOf[i]]++] = i;
    splitLargest();
  }
  uint32_t size(uint32_t list) const { return end[list] - begin[list]; }

 private:
  /// Empty lists take half of the largest.
  void splitLargest() {
    const uint32_t lists = static_cast<uint32_t>(begin.size());
    std::vector<std::pair<uint32_t, uint32_t>> bySize;  // (size, lists - list): of equals the first
    for (uint32_t empty = 0; empty < lists; ++empty) {
      if (size(empty) > 0) continue;
      if (bySize.empty()) {
        for (uint32_t list = 0; list < lists; ++list) bySize.emplace_back(size(list), lists - list);
        std::make_heap(bySize.begin(), bySize.end());
      }
      std::pop_heap(bySize.begin(), bySize.end());
      const uint32_t largest = lists - bySize.back().second;
      if (size(largest) < 2) return;
      begin[empty] = begin[largest] + size(largest) / 2;
      end[empty] = end[largest];
      end[largest] = begin[empty];
      bySize.back() = {size(largest), lists - largest};
      std::push_heap(bySize.begin(), bySize.end());
      bySize.emplace_back(size(empty), lists - empty);
      std::push_heap(bySize.begin(), bySize.end());
    }
  }
};

}  // namespace

void CodedPoints::resize(uint32_t rows, uint32_t dim) {
  count = rows;
  stride = (dim + 3) / 4 * 4;
  codes.assign(size_t{rows} * stride, 0);
  scales.assign(rows, 0);
  sums.assign(rows, 0);
}

void CodedPoints::set(uint32_t at, const float* values, uint32_t dim) {
  const QuantisedQuery query = quantiseQuery(values, dim, kernels().code.queryMax, codes.data() + size_t{at} * stride);
  scales[at] = query.scale;
  sums[at] = query.sum;
}

void packCoarse(const float* vectors, uint32_t count, uint32_t dim, uint8_t* codes, float* rows) {
  const size_t blockBytes = size_t{(dim + 3) / 4} * kBlockRows * 4;
  for (uint32_t i = 0; i < (count + kBlockRows - 1) / kBlockRows * kBlockRows; ++i) {
    const uint32_t block = i / kBlockRows;
    const uint32_t r = i % kBlockRows;
    float* of = rows + size_t{block} * 2 * kBlockRows;
    if (i < count) {
      const float* vector = vectors + size_t{i} * dim;
      of[r] = packRow(vector, dim, r, codes + block * blockBytes);
      const float length = lengthOf(vector, dim);
      of[kBlockRows + r] = length * length;
    } else {
      of[r] = 0;
      of[kBlockRows + r] = std::numeric_limits<float>::infinity();
    }
  }
}

void nearestCoarse(const CoarseView& coarse, const CodedPoints& points, uint32_t begin, uint32_t end, uint32_t* out) {
  const KernelTable& table = kernels();
  int32_t sums[kListQueries * kBlockRows];
  float distances[kBlockRows];
  float slack[kBlockRows];
  for (uint32_t first = begin; first < end; first += kListQueries) {
    const uint32_t n = std::min(kListQueries, end - first);
    const int8_t* queries[kListQueries];
    float best[kListQueries];
    for (uint32_t q = 0; q < n; ++q) {
      queries[q] = points.row(first + q);
      best[q] = std::numeric_limits<float>::infinity();
      out[first - begin + q] = 0;
    }
    for (uint32_t block = 0; block < coarse.blocks(); ++block) {
      table.list.dots(queries, n, coarse.codes + size_t{block} * coarse.groups * kBlockRows * 4, coarse.groups, sums);
      const float* rows = coarse.rows + size_t{block} * 2 * kBlockRows;
      for (uint32_t q = 0; q < n; ++q) {
        const ListQuery query{0, 2 * points.scales[first + q], 128.0f * static_cast<float>(points.sums[first + q]), 0, 0, 0};
        uint32_t mask = table.list.estimate(sums + q * kBlockRows, {rows, rows + kBlockRows, nullptr, nullptr}, query, best[q], distances, slack);
        for (; mask != 0; mask &= mask - 1) {
          const uint32_t r = static_cast<uint32_t>(std::countr_zero(mask));
          if (!(distances[r] < best[q])) continue;
          best[q] = distances[r];
          out[first - begin + q] = block * kBlockRows + r;
        }
      }
    }
  }
}

std::vector<uint32_t> sampleOf(uint32_t n, uint32_t wanted, TrainingRandom& random) {
  std::vector<uint32_t> chosen;
  if (wanted >= n) {
    chosen.resize(n);
    std::iota(chosen.begin(), chosen.end(), 0u);
    for (uint32_t i = n; i > 1; --i) std::swap(chosen[i - 1], chosen[random.below(i)]);
    return chosen;
  }
  // Floyd's way: each of the last `wanted` numbers draws among those up to itself.
  std::unordered_set<uint32_t> taken;
  chosen.reserve(wanted);
  for (uint32_t i = n - wanted; i < n; ++i) {
    const uint32_t drawn = random.below(i + 1);
    const uint32_t number = taken.insert(drawn).second ? drawn : i;
    taken.insert(number);
    chosen.push_back(number);
  }
  for (uint32_t i = wanted; i > 1; --i) std::swap(chosen[i - 1], chosen[random.below(i)]);
  return chosen;
}

Result<std::vector<float>> trainCentroids(const CodedPoints& points, uint32_t dim, const ClusterParams& params, CancelToken cancel) {
  const uint32_t lists = params.lists;
  std::vector<float> centroids(size_t{lists} * dim, 0.0f);
  if (points.count == 0) return {{}, std::move(centroids)};
  TrainingRandom random(params.seed);
  const std::vector<uint32_t> first = sampleOf(points.count, lists, random);
  for (uint32_t list = 0; list < lists; ++list) {
    const uint32_t point = first[list % first.size()];
    for (uint32_t d = 0; d < dim; ++d) centroids[size_t{list} * dim + d] = points.scales[point] * static_cast<float>(points.row(point)[d]);
  }
  CoarseView coarse{lists, (dim + 3) / 4, nullptr, nullptr};
  std::vector<uint8_t> codes(coarse.codeBytes());
  std::vector<float> rows(size_t{coarse.blocks()} * 2 * kBlockRows);
  coarse.codes = codes.data();
  coarse.rows = rows.data();
  std::vector<uint32_t> listOf(points.count);
  for (uint32_t iteration = 0; iteration < params.iterations && points.count > lists; ++iteration) {
    packCoarse(centroids.data(), lists, dim, codes.data(), rows.data());
    Status status = parallelFor(params.threads, points.count, kPointsAtATime, cancel, [&] {
      return [&](uint32_t begin, uint32_t end) { nearestCoarse(coarse, points, begin, end, listOf.data() + begin); };
    });
    if (!status.ok()) return {std::move(status), {}};
    const Members members(listOf, lists);
    status = parallelFor(params.threads, lists, 16, cancel, [&] {
      return [&](uint32_t begin, uint32_t end) {
        for (uint32_t list = begin; list < end; ++list) {
          const uint32_t size = members.size(list);
          if (size == 0) continue;
          float* mean = centroids.data() + size_t{list} * dim;
          std::fill(mean, mean + dim, 0.0f);
          for (uint32_t i = members.begin[list]; i < members.end[list]; ++i) {
            const int8_t* code = points.row(members.rows[i]);
            const float scale = points.scales[members.rows[i]];
            for (uint32_t d = 0; d < dim; ++d) mean[d] += scale * static_cast<float>(code[d]);
          }
          const float share = 1 / static_cast<float>(size);
          for (uint32_t d = 0; d < dim; ++d) mean[d] *= share;
        }
      };
    });
    if (!status.ok()) return {std::move(status), {}};
  }
  return {{}, std::move(centroids)};
}

void nearestBinary(const std::vector<const uint8_t*>& centroids, uint32_t bytes, const uint8_t* const* rows, uint32_t begin, uint32_t end, uint32_t* out) {
  const KernelTable& table = kernels();
  uint32_t distances[kRowsAtATime];
  for (uint32_t row = begin; row < end; ++row) {
    uint32_t best = std::numeric_limits<uint32_t>::max();
    for (uint32_t first = 0; first < centroids.size(); first += kRowsAtATime) {
      const uint32_t n = std::min<uint32_t>(kRowsAtATime, static_cast<uint32_t>(centroids.size()) - first);
      table.binary.hamming(rows[row], centroids.data() + first, n, bytes, distances);
      for (uint32_t i = 0; i < n; ++i) {
        if (distances[i] >= best) continue;
        best = distances[i];
        out[row - begin] = first + i;
      }
    }
  }
}

Result<std::vector<uint8_t>> trainBinaryCentroids(const uint8_t* const* rows, uint32_t count, uint32_t bytes, const ClusterParams& params, CancelToken cancel) {
  const uint32_t lists = params.lists;
  std::vector<uint8_t> centroids(size_t{lists} * bytes, 0);
  if (count == 0) return {{}, std::move(centroids)};
  TrainingRandom random(params.seed);
  const std::vector<uint32_t> first = sampleOf(count, lists, random);
  std::vector<const uint8_t*> pointers(lists);
  for (uint32_t list = 0; list < lists; ++list) {
    pointers[list] = centroids.data() + size_t{list} * bytes;
    std::copy_n(rows[first[list % first.size()]], bytes, centroids.data() + size_t{list} * bytes);
  }
  std::vector<uint32_t> listOf(count);
  for (uint32_t iteration = 0; iteration < params.iterations && count > lists; ++iteration) {
    Status status = parallelFor(params.threads, count, kPointsAtATime, cancel, [&] {
      return [&](uint32_t begin, uint32_t end) { nearestBinary(pointers, bytes, rows, begin, end, listOf.data() + begin); };
    });
    if (!status.ok()) return {std::move(status), {}};
    const Members members(listOf, lists);
    status = parallelFor(params.threads, lists, 16, cancel, [&] {
      return [&, ones = std::vector<uint32_t>(size_t{bytes} * 8)](uint32_t begin, uint32_t end) mutable {
        for (uint32_t list = begin; list < end; ++list) {
          const uint32_t size = members.size(list);
          if (size == 0) continue;
          std::fill(ones.begin(), ones.end(), 0u);
          for (uint32_t i = members.begin[list]; i < members.end[list]; ++i) {
            const uint8_t* row = rows[members.rows[i]];
            for (uint32_t bit = 0; bit < bytes * 8; ++bit) ones[bit] += (row[bit / 8] >> (bit % 8)) & 1;
          }
          uint8_t* majority = centroids.data() + size_t{list} * bytes;
          std::fill(majority, majority + bytes, uint8_t{0});
          for (uint32_t bit = 0; bit < bytes * 8; ++bit) {
            if (ones[bit] * 2 > size) majority[bit / 8] |= static_cast<uint8_t>(1 << (bit % 8));
          }
        }
      };
    });
    if (!status.ok()) return {std::move(status), {}};
  }
  return {{}, std::move(centroids)};
}

}  // namespace redkite
