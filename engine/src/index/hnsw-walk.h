// Walking one layer of a graph: the pool of candidates, what was visited, and how distances are computed.
//
// Used by build and search alike. Links are read one by one as atomics, since a build by several threads or a
// growing graph changes them under the walk; a torn list still holds only valid or refused ids.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "order.h"
#include "redkite/kernels.h"
#include "redkite/scorer.h"
#include "redkite/types.h"

namespace redkite {

/// Neighbours compared at once at most.
inline constexpr uint32_t kWalkBatch = 64;

/// Distance, node and whether its links were followed: sorts by distance, then node. Nodes are below 2^31.
using Candidate = uint64_t;

inline Candidate candidate(float distance, uint32_t node) {
  return uint64_t{orderedBits(distance)} << 32 | uint64_t{node} << 1;
}
inline uint32_t nodeOf(Candidate c) { return static_cast<uint32_t>(c) >> 1; }
inline float distanceOfCandidate(Candidate c) { return floatOfOrdered(static_cast<uint32_t>(c >> 32)); }

/// The best candidates so far, as a sorted array: for the usual widths an insertion moves a few cache lines.
class Pool {
 public:
  void reset(uint32_t capacity) {
    capacity_ = capacity;
    size_ = 0;
    worst_ = ~uint64_t{0};
    if (items_.size() < size_t{capacity} + 1) items_.resize(size_t{capacity} + 1);
  }
  uint32_t size() const { return size_; }
  uint32_t capacity() const { return capacity_; }
  Candidate at(uint32_t i) const { return items_[i]; }
  bool expanded(uint32_t i) const { return (items_[i] & 1) != 0; }
  uint32_t expand(uint32_t i) {
    const uint32_t node = nodeOf(items_[i]);
    items_[i] |= 1;
    return node;
  }
  /// Position of a candidate as it was inserted, or `capacity` when it is not there (any more).
  uint32_t find(Candidate item) const {
    const auto end = items_.begin() + size_;
    const auto found = std::lower_bound(items_.begin(), end, item);
    return found != end && (*found & ~uint64_t{1}) == item ? static_cast<uint32_t>(found - items_.begin()) : capacity_;
  }
  /// What a newcomer must be below.
  Candidate worst() const { return worst_; }
  /// Refuses newcomers at or above `bound` from now on, even while there is room.
  void refuseFrom(Candidate bound) { worst_ = std::min(worst_, bound); }

  /// Position of the newcomer, or `capacity` when it is not among the best.
  uint32_t insert(Candidate item) {
    if (item >= worst_) return capacity_;
    Candidate* items = items_.data();
    uint32_t low = 0;
    for (uint32_t count = size_; count > 0;) {
      const uint32_t half = count / 2;
      const bool right = items[low + half] < item;
      low += right ? count - half : 0;
      count = half;
    }
    const uint32_t end = size_ < capacity_ ? size_++ : size_ - 1;
    std::memmove(items + low + 1, items + low, size_t{end - low} * sizeof(Candidate));
    items[low] = item;
    if (size_ == capacity_) worst_ = std::min(worst_, items[size_ - 1]);
    return low;
  }

  /// Inserts those that are near enough, at most kWalkBatch; the lowest position taken, or `capacity`. Most are too far, in no order that a
  /// processor could predict: they are sorted out without a branch.
  uint32_t insertNear(const Candidate* compared, uint32_t n) {
    Candidate near[kWalkBatch];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; ++i) {
      near[kept] = compared[i];
      kept += near[kept] < worst_;
    }
    uint32_t lowest = capacity_;
    for (uint32_t i = 0; i < kept; ++i) lowest = std::min(lowest, insert(near[i]));
    return lowest;
  }

 private:
  std::vector<Candidate> items_;
  uint32_t capacity_ = 0;
  uint32_t size_ = 0;
  Candidate worst_ = 0;
};

/// Emptied by what was put into it: clearing a bit for every row would cost more than a search over millions of them.
class NodeSet {
 public:
  void reset(uint32_t nodes) {
    for (size_t i = 0; i < touchedCount_; ++i) words_[touched_[i]] = 0;
    touchedCount_ = 0;
    const size_t words = (size_t{nodes} + 63) / 64;
    if (words_.size() < words) {
      words_.resize(words, 0);
      touched_.resize(words + 1);
    }
  }
  bool contains(uint32_t node) const { return ((words_[node >> 6] >> (node & 63)) & 1) != 0; }
  /// Whether the node was new. Nobody could predict that, so nothing branches on it here.
  bool add(uint32_t node) {
    uint64_t& word = words_[node >> 6];
    const uint64_t before = word;
    touched_[touchedCount_] = node >> 6;
    touchedCount_ += before == 0;
    word = before | uint64_t{1} << (node & 63);
    return (before >> (node & 63) & 1) == 0;
  }

 private:
  std::vector<uint64_t> words_;
  std::vector<uint32_t> touched_;  ///< one place more than there are words
  size_t touchedCount_ = 0;
};

/// Ends a list of links.
inline constexpr uint32_t kNoLink = 0xffffffffu;

struct WalkCounts {
  uint64_t distances = 0;
  uint64_t hops = 0;
};

/// One layer: `slots` links a node, ended by kNoLink. Others that are not below `nodes` (damage, nodes that came after the walk began)
/// are passed over.
struct Layer {
  const uint32_t* links = nullptr;
  uint32_t slots = 0;
  uint32_t nodes = 0;
  /// Row of each node; null where nodes are rows.
  const uint32_t* rows = nullptr;
  uint32_t rowsEnd = 0;

  const uint32_t* linksOf(uint32_t node) const { return links + size_t{node} * slots; }
  uint32_t rowOf(uint32_t node) const { return rows == nullptr ? node : rows[node]; }
};

inline uint32_t loadLink(const uint32_t* link) { return __atomic_load_n(link, __ATOMIC_ACQUIRE); }

/// Asks for the first `most` of `bytes` bytes: beyond them the hardware has understood the stream. Into the second-level cache: the first has
/// too few places for lines on their way, and waiting for one of them took a third of a search on codes.
inline void prefetchBytes(const uint8_t* data, size_t bytes, size_t most) {
  const size_t end = bytes < most ? bytes : most;
  for (size_t at = 0; at < end; at += 64) __builtin_prefetch(data + at, 0, 2);
}

/// Distances on unsigned codes: constant + bias[row] - factor * (query . code[row]).
struct CodeSpace {
  const uint8_t* codes = nullptr;
  size_t stride = 0;
  const int8_t* query = nullptr;
  void (*dot)(const int8_t*, const uint8_t*, size_t, const uint32_t*, uint32_t, uint32_t, int32_t*) = nullptr;
  const float* biases = nullptr;
  float factor = 0;
  float constant = 0;

  size_t bytesPerRow() const { return stride; }
  void prefetch(uint32_t row) const {
    prefetchBytes(codes + row * stride, stride, 1024);
    if (biases != nullptr) __builtin_prefetch(biases + row);
  }
  /// n is at most kWalkBatch.
  void distances(const uint32_t* rows, uint32_t n, float* out) const {
    int32_t dots[kWalkBatch];
    dot(query, codes, stride, rows, n, static_cast<uint32_t>(stride), dots);
    if (biases == nullptr) {
      for (uint32_t i = 0; i < n; ++i) out[i] = constant - factor * static_cast<float>(dots[i]);
    } else {
      for (uint32_t i = 0; i < n; ++i) out[i] = constant + biases[rows[i]] - factor * static_cast<float>(dots[i]);
    }
  }
};

/// Distances on product codes: constant + bias[row] - factor * (sum of table entries).
struct TableSpace {
  const uint8_t* codes = nullptr;
  size_t stride = 0;
  const float* tables = nullptr;  ///< [stride][room]
  uint32_t room = 0;              ///< a power of two
  const float* biases = nullptr;
  float factor = 0;
  float constant = 0;

  size_t bytesPerRow() const { return stride; }
  void prefetch(uint32_t row) const {
    prefetchBytes(codes + row * stride, stride, 512);
    if (biases != nullptr) __builtin_prefetch(biases + row);
  }
  void distances(const uint32_t* rows, uint32_t n, float* out) const {
    const uint32_t last = room - 1;
    for (uint32_t i = 0; i < n; ++i) {
      const uint8_t* code = codes + rows[i] * stride;
      float sums[4] = {};
      const float* table = tables;
      size_t s = 0;
      // Four sums, so that no addition waits for the one before. A damaged code stays within its table.
      for (; s + 4 <= stride; s += 4, table += size_t{room} * 4) {
        for (uint32_t j = 0; j < 4; ++j) sums[j] += table[size_t{j} * room + (code[s + j] & last)];
      }
      for (; s < stride; ++s, table += room) sums[0] += table[code[s] & last];
      const float distance = constant + (biases == nullptr ? 0.0f : biases[rows[i]]) - factor * ((sums[0] + sums[1]) + (sums[2] + sums[3]));
      // Damaged tables hold anything.
      out[i] = distance == distance ? distance : __builtin_inff();
    }
  }
};

/// Exact distances on the raw rows.
struct RawSpace {
  const VectorView* view = nullptr;
  const Scorer* scorer = nullptr;

  size_t bytesPerRow() const { return view->bytesPerRow; }
  void prefetch(uint32_t row) const { prefetchBytes(view->row(row), view->bytesPerRow, 512); }
  void distances(const uint32_t* rows, uint32_t n, float* out) const {
    const uint8_t* pointers[kWalkBatch];
    for (uint32_t i = 0; i < n; ++i) pointers[i] = view->row(rows[i]);
    scorer->distances(pointers, n, out);
  }
};
static_assert(kWalkBatch <= kScorerBatch);

/// Nodes gathered to be compared together: all are prefetched before the first is computed.
template <class Space>
class Batch {
 public:
  Batch(const Layer& layer, const Space& space) : layer_(layer), space_(space) {}
  bool hasRoom(uint32_t more) const { return n_ + more <= kWalkBatch; }
  uint32_t size() const { return n_; }
  void add(uint32_t node) {
    const uint32_t row = layer_.rowOf(node);
    if (row >= layer_.rowsEnd) return;
    nodes_[n_] = node;
    rows_[n_++] = row;
    space_.prefetch(row);
  }
  /// Compares what was gathered and empties the batch; how many they were. `out` has room for kWalkBatch.
  uint32_t compare(Candidate* out, WalkCounts& counts) {
    float distances[kWalkBatch];
    const uint32_t n = n_;
    if (n == 0) return 0;
    space_.distances(rows_, n, distances);
    counts.distances += n;
    for (uint32_t i = 0; i < n; ++i) out[i] = candidate(distances[i], nodes_[i]);
    n_ = 0;
    return n;
  }
  /// Compares what was gathered and inserts it; the lowest position taken, or the pool's capacity.
  uint32_t flush(Pool& pool, WalkCounts& counts) {
    Candidate compared[kWalkBatch];
    return pool.insertNear(compared, compare(compared, counts));
  }

 private:
  const Layer& layer_;
  const Space& space_;
  uint32_t n_ = 0;
  uint32_t nodes_[kWalkBatch];
  uint32_t rows_[kWalkBatch];
};

/// Nodes whose links are asked for before it is certain that they come next.
inline constexpr uint32_t kLinksAhead = 3;

inline void prefetchLinks(const uint32_t* links, uint32_t slots) {
  for (uint32_t slot = 0; slot < slots && slot < 64; slot += 16) __builtin_prefetch(links + slot);
}

/// Most likely to be expanded next: their links travel while the batch before them is computed.
inline void prefetchNext(const Layer& layer, const Pool& pool, uint32_t at) {
  for (uint32_t left = kLinksAhead; at < pool.size() && left > 0; ++at) {
    if (pool.expanded(at)) continue;
    prefetchLinks(layer.linksOf(nodeOf(pool.at(at))), layer.slots);
    --left;
  }
}

/// Puts those of a node's links that were not visited before into `fresh` (room for `end - begin`) and marks them; how many they are.
inline uint32_t freshLinks(const Layer& layer, const uint32_t* links, uint32_t begin, uint32_t end, NodeSet& visited, uint32_t* fresh) {
  uint32_t n = 0;
  for (uint32_t slot = begin; slot < end; ++slot) {
    const uint32_t node = loadLink(links + slot);
    if (node >= layer.nodes) {
      if (node == kNoLink) break;
      continue;
    }
    fresh[n] = node;
    n += visited.add(node);
  }
  return n;
}

/// Adds the unvisited neighbours at the other end of `links` to the batch, which `flush` empties when it is full.
template <class Space, class Flush>
void gatherLinks(const Layer& layer, const uint32_t* links, NodeSet& visited, Batch<Space>& batch, Flush flush) {
  for (uint32_t begin = 0; begin < layer.slots; begin += kWalkBatch) {
    uint32_t fresh[kWalkBatch];
    const uint32_t n = freshLinks(layer, links, begin, std::min(layer.slots, begin + kWalkBatch), visited, fresh);
    if (!batch.hasRoom(n)) flush();
    for (uint32_t i = 0; i < n; ++i) batch.add(fresh[i]);
  }
}

/// Greedy descent: the node of this layer that is closer than all its neighbours, from `start`.
template <class Space>
uint32_t descendLayer(const Layer& layer, const Space& space, uint32_t start, WalkCounts& counts) {
  uint32_t best = start;
  float bestDistance;
  const uint32_t startRow = layer.rowOf(start);
  if (startRow >= layer.rowsEnd) return start;
  space.distances(&startRow, 1, &bestDistance);
  ++counts.distances;
  // Strictly closer every round, so this ends.
  for (bool closer = true; closer;) {
    closer = false;
    const uint32_t* links = layer.linksOf(best);
    ++counts.hops;
    uint32_t nodes[kWalkBatch];
    uint32_t rows[kWalkBatch];
    float distances[kWalkBatch];
    for (uint32_t slot = 0; slot < layer.slots;) {
      uint32_t n = 0;
      for (; slot < layer.slots && n < kWalkBatch; ++slot) {
        const uint32_t node = loadLink(links + slot);
        if (node >= layer.nodes) {
          if (node == kNoLink) slot = layer.slots;
          continue;
        }
        const uint32_t row = layer.rowOf(node);
        if (row >= layer.rowsEnd) continue;
        nodes[n] = node;
        rows[n++] = row;
        space.prefetch(row);
      }
      if (n == 0) break;
      space.distances(rows, n, distances);
      counts.distances += n;
      for (uint32_t i = 0; i < n; ++i) {
        if (!(distances[i] < bestDistance)) continue;
        bestDistance = distances[i];
        best = nodes[i];
        closer = true;
      }
    }
  }
  return best;
}

}  // namespace redkite
