// Links of a graph that grows: which neighbours a node keeps, and how they are told.
//
// Lists may grow to more than their final length before they are pruned: pruning is the expensive half of an insertion, and a longer
// list to choose from prunes better. Ids are released one by one, so that who reads one also sees the node behind it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

#include "hnsw-file.h"
#include "hnsw-walk.h"

namespace redkite {

/// The lists of one layer: ids and distances apart, so that walks touch only ids.
struct LinkLists {
  uint32_t* ids = nullptr;
  float* distances = nullptr;
  uint8_t* locks = nullptr;
  uint32_t kept = 0;   ///< links that pruning leaves
  uint32_t slots = 0;  ///< room for links
  const uint32_t* rows = nullptr;  ///< row of each node; null where nodes are rows

  uint32_t rowOf(uint32_t node) const { return rows == nullptr ? node : rows[node]; }
};

class NodeLock {
 public:
  NodeLock(const LinkLists& lists, uint32_t node) : flag_(&lists.locks[node]) {
    while (__atomic_exchange_n(flag_, uint8_t{1}, __ATOMIC_ACQUIRE) != 0) std::this_thread::yield();
  }
  ~NodeLock() { __atomic_store_n(flag_, uint8_t{0}, __ATOMIC_RELEASE); }
  NodeLock(const NodeLock&) = delete;
  NodeLock& operator=(const NodeLock&) = delete;

 private:
  uint8_t* flag_;
};

struct Neighbour {
  float distance;
  uint32_t node;
  bool operator<(const Neighbour& other) const {
    return distance != other.distance ? distance < other.distance : node < other.node;
  }
};

/// How much closer to a chosen neighbour than to the base a candidate must be to be left out: `alpha` times, counted from `-shift`, where the
/// metric's distances begin. More than 1 leaves more links, and with them shorter ways (DiskANN, section 2.2).
struct LinkSpread {
  float alpha = 1;
  float shift = 0;
};

/// Chooses and stores links with its own memory; one for each thread.
template <class Pairs>
class Linker {
 public:
  explicit Linker(Pairs pairs, LinkSpread spread = {}) : other_(std::move(pairs)), spread_(spread) {}

  void link(const LinkLists& lists, uint32_t node, const std::vector<Neighbour>& found, uint32_t limit) {
    choose(lists, found, limit);
    own_ = chosen_;
    {
      NodeLock lock(lists, node);
      // Others may have linked to this node meanwhile; their links are kept.
      load(lists, node);
      for (const Neighbour& mine : own_) {
        if (list_.size() < lists.slots) list_.push_back(mine);
      }
      std::sort(list_.begin(), list_.end());
      list_.erase(std::unique(list_.begin(), list_.end(), [](const Neighbour& a, const Neighbour& b) { return a.node == b.node; }),
                  list_.end());
      store(lists, node, list_);
    }
    for (const Neighbour& neighbour : own_) {
      NodeLock lock(lists, neighbour.node);
      load(lists, neighbour.node);
      if (std::any_of(list_.begin(), list_.end(), [&](const Neighbour& known) { return known.node == node; })) continue;
      if (list_.size() < lists.slots) {
        const size_t place = size_t{neighbour.node} * lists.slots + list_.size();
        lists.distances[place] = neighbour.distance;
        __atomic_store_n(&lists.ids[place], node, __ATOMIC_RELEASE);
        continue;
      }
      list_.push_back({neighbour.distance, node});
      std::sort(list_.begin(), list_.end());
      choose(lists, list_, lists.kept);
      store(lists, neighbour.node, chosen_);
    }
  }

  void trim(const LinkLists& lists, uint32_t node) {
    load(lists, node);
    std::sort(list_.begin(), list_.end());
    if (list_.size() > lists.kept) {
      choose(lists, list_, lists.kept);
      store(lists, node, chosen_);
    } else {
      store(lists, node, list_);
    }
  }

  /// Gives a node an empty list.
  void clear(const LinkLists& lists, uint32_t node) {
    list_.clear();
    store(lists, node, list_);
  }

 private:
  /// Malkov and Yashunin, algorithm 4: a candidate stays when no chosen one is closer to it than the base is. Places that this leaves go to
  /// candidates that none is closer to by more than `spread_` says (DiskANN, algorithm 2, with a growing alpha): first those, the near ones alone
  /// would fill the list. `sorted` ascends by distance to the base.
  void choose(const LinkLists& lists, const std::vector<Neighbour>& sorted, uint32_t limit) {
    chosen_.clear();
    chosenRows_.clear();
    addDiverse(lists, sorted, limit, {});
    if (spread_.alpha <= 1 || chosen_.size() >= limit) return;
    addDiverse(lists, sorted, limit, spread_);
    std::sort(chosen_.begin(), chosen_.end());
  }

  /// At most half of the links go to ties with the closest: a row with thousands of duplicates would link to nothing else, and no walk would
  /// leave them.
  void addDiverse(const LinkLists& lists, const std::vector<Neighbour>& sorted, uint32_t limit, LinkSpread spread) {
    for (size_t i = 0; i < sorted.size() && chosen_.size() < limit; ++i) {
      const Neighbour& next = sorted[i];
      if (i + kAhead < sorted.size()) other_.space().prefetch(lists.rowOf(sorted[i + kAhead].node));
      if (chosen_.size() >= limit / 2 && chosen_.size() > 0 && next.distance == chosen_.front().distance) continue;
      const uint32_t row = lists.rowOf(next.node);
      if (spread.alpha > 1 && std::find(chosenRows_.begin(), chosenRows_.end(), row) != chosenRows_.end()) continue;
      bool keep = true;
      if (!chosen_.empty()) {
        other_.setRow(row);
        const auto space = other_.space();
        float distances[kWalkBatch];
        // Rejection mostly comes from the first few.
        constexpr uint32_t step = 8;
        for (uint32_t begin = 0; keep && begin < chosenRows_.size(); begin += step) {
          const uint32_t n = std::min<uint32_t>(step, static_cast<uint32_t>(chosenRows_.size()) - begin);
          space.distances(chosenRows_.data() + begin, n, distances);
          for (uint32_t j = 0; j < n; ++j) keep = keep && !(spread.alpha * (distances[j] + spread.shift) < next.distance + spread.shift);
        }
      }
      if (!keep) continue;
      chosen_.push_back(next);
      chosenRows_.push_back(row);
    }
  }

  void store(const LinkLists& lists, uint32_t node, const std::vector<Neighbour>& list) {
    uint32_t* ids = lists.ids + size_t{node} * lists.slots;
    float* distances = lists.distances + size_t{node} * lists.slots;
    for (uint32_t i = 0; i < lists.slots; ++i) {
      const bool there = i < list.size();
      __atomic_store_n(ids + i, there ? list[i].node : kNoNode, __ATOMIC_RELEASE);
      distances[i] = there ? list[i].distance : 0.0f;
    }
  }

  void load(const LinkLists& lists, uint32_t node) {
    const uint32_t* ids = lists.ids + size_t{node} * lists.slots;
    const float* distances = lists.distances + size_t{node} * lists.slots;
    list_.clear();
    for (uint32_t i = 0; i < lists.slots && ids[i] != kNoNode; ++i) list_.push_back({distances[i], ids[i]});
  }

  /// Candidates whose rows travel from memory while those before them are compared.
  static constexpr size_t kAhead = 4;

  Pairs other_;
  LinkSpread spread_;
  std::vector<Neighbour> list_;
  std::vector<Neighbour> own_;
  std::vector<Neighbour> chosen_;
  std::vector<uint32_t> chosenRows_;
};

}  // namespace redkite
