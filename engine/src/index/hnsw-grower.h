// The graph of one build while it grows: nodes are inserted from the highest level down, by any number of workers. Lists may grow to one and
// a half times their final length.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "hnsw-build-plan.h"
#include "hnsw-walk.h"
#include "linker.h"
#include "stepped-walk.h"

namespace redkite {

/// Nodes that a thread inserts in turns: what the walk of one asked memory for arrives while the others compute.
inline constexpr uint32_t kInsertLanes = 3;

/// A layer while it grows: ids and distances apart, so that walks touch only ids.
struct GrowingLayer {
  std::vector<uint32_t> ids;
  std::vector<float> distances;
  std::vector<uint8_t> locks;
  uint32_t kept = 0;   ///< links that pruning leaves
  uint32_t slots = 0;  ///< room for links

  LinkLists lists(const uint32_t* rows) { return {ids.data(), distances.data(), locks.data(), kept, slots, rows}; }

  void init(uint32_t nodes, uint32_t keep, uint32_t room) {
    kept = keep;
    slots = room;
    ids.assign(size_t{nodes} * room, kNoNode);
    distances.assign(size_t{nodes} * room, 0.0f);
    locks.assign(nodes, 0);
  }
};

/// The graph of one build, grown by any number of workers.
template <class Pairs>
class Grower {
  static constexpr uint32_t kThreadsMax = 256;
  static constexpr uint32_t kInsertsBetweenPolls = 32;

 public:
  explicit Grower(const BuildPlan& plan) : plan_(plan), layers_(plan.header.levels + 1) {
    const uint32_t m = plan.params.m;
    layers_[0].init(plan.header.rows, plan.header.slots, plan.header.slots + plan.header.slots / 2);
    for (uint32_t level = 1; level < layers_.size(); ++level) layers_[level].init(plan.header.levelNodes[level - 1], m, m + m / 2);
  }

  /// Inserts the nodes before `end` in the order of the plan that are not in yet, and cuts all lists to their final length; `makePairs` gives
  /// each worker its own query memory.
  template <class MakePairs>
  Status grow(uint32_t end, MakePairs makePairs) {
    const uint32_t total = end;
    const uint32_t threads = std::clamp(plan_.params.threads, 1u, kThreadsMax);
    // The first node of all is the ground that the others stand on.
    next_ = std::max(1u, grown_);
    grown_ = end;
    runWorkers(threads, [&] {
      Worker worker(*this, makePairs);
      worker.insertAll(total);
    });
    if (plan_.control.cancel.raised()) return Status::canceled();
    if (outOfMemory_) return Status::outOfMemory();
    runWorkers(threads, [&, at = std::make_shared<std::atomic<uint32_t>>(0)] {
      Worker worker(*this, makePairs);
      constexpr uint32_t step = 256;
      for (uint32_t begin = at->fetch_add(step); begin < total; begin = at->fetch_add(step)) {
        for (uint32_t i = begin; i < std::min(total, begin + step); ++i) worker.finish(i);
      }
    });
    return outOfMemory_ ? Status::outOfMemory() : Status{};
  }

  /// Copies the finished lists of the lowest layer: [rows][slots].
  void writeGround(uint32_t* links) const { copyLinks(layers_[0], plan_.header.rows, plan_.header.slots, links); }

  /// Copies the finished lists to their places in the file.
  void write(uint8_t* file) const {
    writeGround(reinterpret_cast<uint32_t*>(file + plan_.header.linksAt));
    uint32_t* upper = reinterpret_cast<uint32_t*>(file + plan_.header.upperLinksAt);
    for (uint32_t level = 1; level < layers_.size(); ++level) {
      const uint32_t nodes = plan_.header.levelNodes[level - 1];
      copyLinks(layers_[level], nodes, plan_.params.m, upper);
      upper += size_t{nodes} * plan_.params.m;
    }
  }

 private:
  static void copyLinks(const GrowingLayer& layer, uint32_t nodes, uint32_t slots, uint32_t* out) {
    for (uint32_t node = 0; node < nodes; ++node) {
      const uint32_t* from = layer.ids.data() + size_t{node} * layer.slots;
      std::copy(from, from + slots, out + size_t{node} * slots);
    }
  }

  /// Runs `body` on this thread and threads - 1 others. Running out of memory in one stops all.
  template <class Body>
  void runWorkers(uint32_t threads, const Body& body) {
    const auto guarded = [&] {
      try {
        body();
      } catch (const std::bad_alloc&) {
        outOfMemory_ = true;
        failed_ = true;
      }
    };
    std::vector<std::thread> others;
    try {
      for (uint32_t i = 1; i < threads; ++i) others.emplace_back(guarded);
    } catch (const std::system_error&) {
      // Fewer threads than asked for do the same work.
    }
    guarded();
    for (std::thread& other : others) other.join();
  }

  Layer layer(uint32_t level) const {
    const GrowingLayer& growing = layers_[level];
    const bool upper = level > 0;
    return {growing.ids.data(), growing.slots, upper ? plan_.header.levelNodes[level - 1] : plan_.header.rows,
            upper ? plan_.order.data() : nullptr, plan_.header.rows};
  }

  LinkLists lists(uint32_t level) { return layers_[level].lists(level == 0 ? nullptr : plan_.order.data()); }

  class Worker {
   public:
    template <class MakePairs>
    Worker(Grower& grower, MakePairs makePairs) : g_(grower), linker_(makePairs(), grower.plan_.spread) {
      for (uint32_t i = 0; i < kInsertLanes; ++i) lanes_.emplace_back(makePairs());
    }

    /// Inserts what no other worker has taken.
    void insertAll(uint32_t total) {
      uint32_t active = 0;
      Lane* order[kInsertLanes];
      for (Lane& lane : lanes_) {
        if (!take(lane, total)) break;
        order[active++] = &lane;
      }
      while (active > 0) {
        for (uint32_t i = 0; i < active; ++i) {
          Lane& lane = *order[i];
          if (lane.walk->step()) continue;
          leave(lane);
          if (!take(lane, total)) order[i--] = order[--active];
        }
      }
    }

    /// Cuts the lists of a node to their final length, closest first.
    void finish(uint32_t at) {
      const HnswHeader& header = g_.plan_.header;
      linker_.trim(g_.lists(0), g_.plan_.order[at]);
      for (uint32_t level = 1; level <= header.levels && at < header.levelNodes[level - 1]; ++level) linker_.trim(g_.lists(level), at);
    }

   private:
    using Space = typename Pairs::Space;

    /// A node on its way into the graph.
    struct Lane {
      explicit Lane(Pairs pairs) : base(std::move(pairs)) {}

      Pairs base;
      Pool pool;
      NodeSet visited;
      Layer layer;
      std::optional<Space> space;
      std::optional<SteppedWalk<Space>> walk;
      uint32_t at = 0;
      uint32_t level = 0;
      std::vector<std::vector<Neighbour>> found;
    };

    /// The next node that nobody has taken, with its upper layers searched and the walk of the lowest one begun. False when there is none.
    bool take(Lane& lane, uint32_t total) {
      if (++taken_ % kInsertsBetweenPolls == 0 && g_.plan_.control.cancel.raised()) g_.failed_ = true;
      if (g_.failed_.load(std::memory_order_relaxed)) return false;
      const uint32_t at = g_.next_.fetch_add(1, std::memory_order_relaxed);
      if (at >= total) return false;
      const HnswHeader& header = g_.plan_.header;
      const uint32_t row = g_.plan_.order[at];
      lane.base.setRow(row);
      lane.at = at;
      lane.level = 0;
      while (lane.level < header.levels && at < header.levelNodes[lane.level]) ++lane.level;
      lane.found.resize(lane.level + 1);
      lane.space.emplace(lane.base.space());
      uint32_t start = header.levels > 0 ? 0 : g_.plan_.order[0];
      for (uint32_t upper = header.levels; upper > 0; --upper) {
        if (upper > lane.level) {
          start = descendLayer(g_.layer(upper), *lane.space, start, counts_);
        } else {
          begin(lane, upper, start, at);
          while (lane.walk->step()) continue;
          keepFound(lane, upper);
          if (!lane.found[upper].empty()) start = lane.found[upper].front().node;
        }
      }
      if (header.levels > 0) start = g_.plan_.order[start];
      begin(lane, 0, start, row);
      return true;
    }

    /// Links from the ground up, once all layers were searched: a node that is found in a layer has its links below.
    void leave(Lane& lane) {
      keepFound(lane, 0);
      const uint32_t row = g_.plan_.order[lane.at];
      for (uint32_t l = 0; l <= lane.level; ++l) linker_.link(g_.lists(l), l == 0 ? row : lane.at, lane.found[l], g_.plan_.params.m);
      if (g_.plan_.control.progress != nullptr) __atomic_fetch_add(g_.plan_.control.progress, 1, __ATOMIC_RELAXED);
    }

    void begin(Lane& lane, uint32_t level, uint32_t start, uint32_t self) {
      lane.layer = g_.layer(level);
      lane.pool.reset(g_.plan_.params.efConstruction);
      lane.visited.reset(lane.layer.nodes);
      lane.visited.add(self);
      lane.walk.emplace(lane.layer, *lane.space, lane.pool, lane.visited, counts_, Company::others);
      lane.walk->start(start);
    }

    static void keepFound(Lane& lane, uint32_t level) {
      std::vector<Neighbour>& found = lane.found[level];
      found.clear();
      for (uint32_t i = 0; i < lane.pool.size(); ++i) found.push_back({distanceOfCandidate(lane.pool.at(i)), nodeOf(lane.pool.at(i))});
    }

    Grower& g_;
    Linker<Pairs> linker_;
    std::vector<Lane> lanes_;
    WalkCounts counts_;
    uint32_t taken_ = 0;
  };

  const BuildPlan& plan_;
  std::vector<GrowingLayer> layers_;
  std::atomic<uint32_t> next_{0};
  uint32_t grown_ = 0;
  std::atomic<bool> failed_{false};
  std::atomic<bool> outOfMemory_{false};
};

}  // namespace redkite
