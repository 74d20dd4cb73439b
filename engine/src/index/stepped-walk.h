// Walks in steps, so that several take turns: what one asked memory for arrives while the others compute.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "hnsw-walk.h"

namespace redkite {

/// A walk without company asks for memory earlier, by what it is likely to need. What it finds is the same.
enum class Company : uint8_t { none, others };

/// Nodes expanded together. Fewer than a walk without turns needs to keep memory busy, so that fewer are compared.
inline constexpr uint32_t kSteppedBeam = 2;

/// Follows links from the start until every candidate of the pool was expanded.
template <class Space>
class SteppedWalk {
 public:
  SteppedWalk(const Layer& layer, const Space& space, Pool& pool, NodeSet& visited, WalkCounts& counts, Company company)
      : layer_(layer), pool_(pool), visited_(visited), counts_(counts), batch_(layer, space), company_(company) {}

  /// `pool` and `visited` are as reset left them, but for nodes that are not to be found.
  void start(uint32_t node) {
    visited_.add(node);
    batch_.add(node);
  }

  /// Asks for the next lines of memory, having used the ones that the last step asked for. False once the walk is over.
  bool step() {
    if (chosen_ > 0) {
      gather();
      return true;
    }
    at_ = std::min(at_, batch_.flush(pool_, counts_));
    while (at_ < pool_.size() && chosen_ < kSteppedBeam) {
      if (pool_.expanded(at_)) {
        ++at_;
        continue;
      }
      const uint32_t* links = layer_.linksOf(pool_.expand(at_));
      prefetchLinks(links, layer_.slots);
      links_[chosen_++] = links;
    }
    return chosen_ > 0;
  }

 private:
  void gather() {
    for (uint32_t i = 0; i < chosen_; ++i) {
      gatherLinks(layer_, links_[i], visited_, batch_, [this] { at_ = std::min(at_, batch_.flush(pool_, counts_)); });
    }
    counts_.hops += chosen_;
    chosen_ = 0;
    if (company_ == Company::none) prefetchNext(layer_, pool_, at_);
  }

  const Layer& layer_;
  Pool& pool_;
  NodeSet& visited_;
  WalkCounts& counts_;
  Batch<Space> batch_;
  Company company_;
  uint32_t at_ = 0;
  uint32_t chosen_ = 0;
  const uint32_t* links_[kSteppedBeam];
};

/// What a walk under a filter is bounded by.
struct FilteredWalkPlan {
  uint32_t width = 0;   ///< of the walk without a filter
  uint32_t wanted = 0;  ///< matching rows that are enough, at most `width`
  double share = 1;     ///< of the rows that match
  double budget = 0;    ///< comparisons after which comparing all matching rows is cheaper
};

/// Walks all nodes, visible or not, and keeps the visible ones apart. It expands at least the `width` nodes that the unfiltered walk
/// would, and goes on until as many matches as wanted are closer than every candidate left, so that a filter, correlated with
/// the query or against it, makes the walk longer rather than its answer worse.
template <class Space>
class FilteredWalk {
 public:
  enum class Step : uint8_t {
    more,
    found,   ///< the best visible rows are in the pool
    gaveUp,  ///< comparing all visible rows looks cheaper than the rest, or room ran out
  };

  FilteredWalk(const Layer& layer, const Space& space, const Bitset& visible, const FilteredWalkPlan& plan, Pool& guide, Pool& pool, NodeSet& visited, WalkCounts& counts, Company company)
      : layer_(layer), visible_(visible), plan_(plan), guide_(guide), pool_(pool), visited_(visited), counts_(counts), batch_(layer, space), company_(company), wanted_(plan.wanted), judgedFrom_(plan.width / 2) {}

  /// `visited` is as reset left it.
  void start(uint32_t node) {
    pool_.reset(plan_.width);
    // Twice as many as the budget lets it expand.
    const double affordable = std::min(2 * plan_.budget / (layer_.slots * kFreshShare), static_cast<double>(layer_.nodes));
    guide_.reset(std::max(plan_.width, static_cast<uint32_t>(affordable)));
    visited_.add(node);
    batch_.add(node);
  }

  Step step() {
    if (chosen_ > 0) {
      gather();
      return Step::more;
    }
    at_ = std::min(at_, flush());
    while (at_ < guide_.size() && guide_.expanded(at_)) ++at_;
    // Candidates were lost for want of room: what was found is not known to be the best.
    if (at_ == guide_.size()) return guide_.size() < guide_.capacity() ? Step::found : Step::gaveUp;
    if (at_ >= plan_.width && guide_.at(at_) > bound()) return Step::found;
    if (static_cast<double>(counts_.distances) > plan_.budget || isHopeless()) return Step::gaveUp;
    if (guide_.size() >= plan_.width) guide_.refuseFrom(bound());
    for (; at_ < guide_.size() && chosen_ < kSteppedBeam; ++at_) {
      if (guide_.expanded(at_)) continue;
      const uint32_t* links = layer_.linksOf(guide_.expand(at_));
      prefetchLinks(links, layer_.slots);
      links_[chosen_++] = links;
    }
    return Step::more;
  }

  /// Of the neighbours of an expanded node, those not met before: what a walk of width ef compares is about ef times slots
  /// times this.
  static constexpr double kFreshShare = 0.45;

 private:
  Candidate bound() const { return pool_.size() < wanted_ ? ~uint64_t{0} : pool_.at(wanted_ - 1); }

  uint32_t flush() {
    Candidate compared[kWalkBatch];
    Candidate visible[kWalkBatch];
    const uint32_t n = batch_.compare(compared, counts_);
    uint32_t matches = 0;
    for (uint32_t i = 0; i < n; ++i) {
      visible[matches] = compared[i];
      matches += visible_.test(nodeOf(compared[i]));
    }
    compared_ += n;
    matches_ += matches;
    pool_.insertNear(visible, matches);
    return guide_.insertNear(compared, n);
  }

  void gather() {
    for (uint32_t i = 0; i < chosen_; ++i) {
      gatherLinks(layer_, links_[i], visited_, batch_, [this] { at_ = std::min(at_, flush()); });
    }
    counts_.hops += chosen_;
    expanded_ += chosen_;
    chosen_ = 0;
    if (company_ == Company::none) prefetchNext(layer_, guide_, at_);
  }

  /// Half way to the width, and again each time the walk has become twice as long: whether what is left costs more than the budget.
  bool isHopeless() {
    if (expanded_ < judgedFrom_) return false;
    judgedFrom_ = 2 * expanded_;
    const double compared = static_cast<double>(compared_);
    const double matches = static_cast<double>(matches_);
    const double expected = compared * plan_.share;
    // The filter is correlated with the distance to this query: the matches may sit together anywhere, and it takes as many
    // of them as an unfiltered walk would keep to know the best.
    const bool more = matches > 1.5 * expected, fewer = matches < expected / 1.5;
    if ((more || fewer) && (matches - expected) * (matches - expected) > 9 * expected) wanted_ = plan_.width;
    // What matches among the nodes of late, which are the nearest so far; few of them say little beside the share of all rows.
    const double recent = static_cast<double>(matches_ - judgedMatches_) + 1;
    const double share = recent / (static_cast<double>(compared_ - judgedCompared_) + 1 / plan_.share);
    judgedMatches_ = matches_;
    judgedCompared_ = compared_;
    return (wanted_ / share - expanded_) * layer_.slots * kFreshShare > plan_.budget;
  }

  const Layer& layer_;
  const Bitset& visible_;
  FilteredWalkPlan plan_;
  Pool& guide_;
  Pool& pool_;
  NodeSet& visited_;
  WalkCounts& counts_;
  Batch<Space> batch_;
  Company company_;
  uint32_t wanted_;
  uint64_t compared_ = 0;
  uint64_t matches_ = 0;
  uint32_t expanded_ = 0;
  /// What isHopeless looks at next, and where it stood the last time.
  uint64_t judgedFrom_;
  uint64_t judgedCompared_ = 0;
  uint64_t judgedMatches_ = 0;
  uint32_t at_ = 0;
  uint32_t chosen_ = 0;
  const uint32_t* links_[kSteppedBeam];
};

}  // namespace redkite
