// Graphs over the vector fields of a growing segment, so that a fresh million rows is not a scan.
//
// Nothing is built until searches ask: one that had to compare many rows exactly says so, and whoever runs the engine calls
// `advance` in the background until the graph has caught up. Searches never wait for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "redkite/growing-graph.h"

#include "status.h"

namespace redkite::segment {

struct Snapshot;

/** A scan of fewer rows than this is cheaper than keeping a graph. */
inline constexpr uint32_t kInterimRowsMin = 8192;
/** So many rows beside the graph are compared exactly without asking for more. */
inline constexpr uint32_t kInterimTail = 512;

class InterimIndexes {
 public:
  explicit InterimIndexes(uint32_t rowsMax) : rowsMax_(rowsMax) {}
  ~InterimIndexes();
  InterimIndexes(const InterimIndexes&) = delete;
  InterimIndexes& operator=(const InterimIndexes&) = delete;

  /** The graph of a field if there is one for the metric. */
  std::shared_ptr<const GrowingGraph> find(int64_t fieldId, Metric metric) const;
  /** Whether so many rows call for more of a graph than there is. A field keeps the metric that was asked for first. */
  bool wanted(int64_t fieldId, Metric metric, uint32_t rows) const;

  /** Claims the work: true for one caller until `release`. */
  bool claim() { return !busy_.exchange(true, std::memory_order_acq_rel); }
  void release() { busy_.store(false, std::memory_order_release); }
  /** Adds a slice of rows, by who has claimed it; `more` says whether rows are left. */
  Status advance(const Snapshot& snapshot, int64_t fieldId, Metric metric, CancelToken cancel, bool& more);

  uint64_t memoryBytes() const { return charged_.load(std::memory_order_relaxed); }

 private:
  uint32_t rowsMax_;
  std::atomic<bool> busy_{false};
  std::atomic<uint64_t> charged_{0};
  mutable std::mutex mutex_;  // guards graphs_, held for a copy of a pointer
  std::map<int64_t, std::shared_ptr<GrowingGraph>> graphs_;
};

}  // namespace redkite::segment
