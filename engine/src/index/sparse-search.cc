#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "redkite/crc32c.h"
#include "redkite/sparse-index.h"
#include "sparse-file.h"
#include "sparse-rows.h"
#include "top-hits.h"

namespace redkite {
namespace {

/// Sums of one window: 16 KiB, half of the first-level cache.
constexpr uint32_t kWindowRows = 4096;
constexpr uint32_t kWindowsBetweenPolls = 16;
/// What looking one list up for one row costs, in postings added up: measured, with the cache misses of long lists.
constexpr double kLookupCost = 150;
/// Sums that leave lists out are rounded in another order than the score is.
constexpr float kRounding = 1e-5f;

struct Term {
  float weight = 0;
  /// What the list can add to a score at most; at least 0.
  float most = 0;
  /// Next posting to be added up, and the first that may hold the row that is looked up.
  uint64_t at = 0;
  uint64_t look = 0;
  uint64_t end = 0;
  /// Postings a window has on average.
  double perWindow = 0;
  bool essential = true;
};

}  // namespace

/// One query over one index.
class SparseWalk {
 public:
  SparseWalk(const SparseIndex& index, const Bitset& visible, const SearchParams& params, bool everyList)
      : index_(index), visible_(visible), params_(params), everyList_(everyList), sums_(kWindowRows) {}

  /// Leaves the hits in `top`. False when canceled.
  bool run(const SparseRow& query, float dropRatio, TopHits& top, CancelToken cancel) {
    takeTerms(query, dropRatio);
    if (terms_.empty()) return true;
    uint32_t windows = 0;
    for (uint64_t base = 0; base < index_.rows_; base += kWindowRows) {
      if (++windows % kWindowsBetweenPolls == 0 && cancel.raised()) return false;
      const uint32_t rows = static_cast<uint32_t>(std::min<uint64_t>(kWindowRows, index_.rows_ - base));
      const float rest = chooseLists(top);
      if (addUp(static_cast<uint32_t>(base), rows)) offer(static_cast<uint32_t>(base), rows, rest, top);
    }
    return true;
  }

  uint64_t postings() const { return postings_; }

 private:
  void takeTerms(const SparseRow& query, float dropRatio) {
    terms_.clear();
    const uint32_t pairs = query.bytes / 8;
    float least = 0;
    const uint32_t dropped = static_cast<uint32_t>(static_cast<float>(pairs) * dropRatio);
    if (dropped > 0) {
      std::vector<float> magnitudes(pairs);
      for (uint32_t i = 0; i < pairs; ++i) magnitudes[i] = std::fabs(valueAt(query, i));
      std::nth_element(magnitudes.begin(), magnitudes.begin() + dropped, magnitudes.end(), [](float a, float b) { return a < b; });
      least = magnitudes[dropped];
    }
    const uint32_t* found = index_.dimensions_;
    const uint32_t* end = found + index_.lists_;
    for (uint32_t i = 0; i < pairs; ++i) {
      found = std::lower_bound(found, end, indexAt(query, i));
      if (found == end) break;
      const float weight = valueAt(query, i);
      if (*found != indexAt(query, i) || std::fabs(weight) < least || weight == 0) continue;
      const size_t list = static_cast<size_t>(found - index_.dimensions_);
      Term term;
      term.weight = weight;
      term.most = std::max({0.0f, weight * index_.bounds_[list * 2], weight * index_.bounds_[list * 2 + 1]});
      if (std::isnan(weight * index_.bounds_[list * 2]) || std::isnan(weight * index_.bounds_[list * 2 + 1])) term.most = std::numeric_limits<float>::infinity();
      term.at = term.look = index_.starts_[list];
      term.end = index_.starts_[list + 1];
      term.perWindow = static_cast<double>(term.end - term.at) * kWindowRows / index_.rows_;
      terms_.push_back(term);
    }
    share_ = 0.5f;
    // Least first: these are left out first.
    order_.resize(terms_.size());
    for (uint32_t i = 0; i < order_.size(); ++i) order_[i] = i;
    std::sort(order_.begin(), order_.end(), [this](uint32_t a, uint32_t b) { return terms_[a].most != terms_[b].most ? terms_[a].most < terms_[b].most : a < b; });
  }

  /// Score that a row must pass by now; below 0 while any positive one will do.
  static float bar(const TopHits& top) {
    const RankedRow worst = top.worst();
    return worst == ~uint64_t{0} || worst == 0 ? -1.0f : -distanceOf(worst);
  }

  /// Marks the lists that cannot lift a row above the bar together, and answers what they can add.
  float chooseLists(const TopHits& top) {
    const float needed = everyList_ ? -1.0f : bar(top);
    float rest = 0;
    saved_ = 0;
    bool open = needed > 0;
    for (const uint32_t i : order_) {
      Term& term = terms_[i];
      open = open && (rest + term.most) * (1 + kRounding) < needed * share_;
      if (open) rest += term.most;
      if (open) saved_ += term.perWindow;
      term.essential = !open;
    }
    return rest;
  }

  /// Adds the essential lists up in the order of their dimensions, as an exact scan does. False when no row got anything.
  bool addUp(uint32_t base, uint32_t rows) {
    bool any = false;
    float* sums = sums_.data();
    for (Term& term : terms_) {
      if (!term.essential) continue;
      const uint32_t* ids = index_.rowIds_;
      uint64_t at = term.at;
      // A list may have been left out of earlier windows.
      if (at < term.end && ids[at] < base) at = gallop(at, term.end, base);
      const uint64_t first = at;
      for (; at < term.end; ++at) {
        // Damaged ids end the window too.
        const uint32_t offset = ids[at] - base;
        if (offset >= rows) break;
        sums[offset] += term.weight * index_.values_[at];
      }
      any = any || at > first;
      postings_ += at - first;
      term.at = at;
    }
    return any;
  }

  /// First posting from `at` on with a row of at least `row`.
  uint64_t gallop(uint64_t at, uint64_t end, uint32_t row) const {
    const uint32_t* ids = index_.rowIds_;
    uint64_t step = 1;
    uint64_t low = at;
    while (low + step < end && ids[low + step] < row) {
      low += step;
      step *= 2;
    }
    const uint64_t high = std::min(end, low + step + 1);
    return static_cast<uint64_t>(std::lower_bound(ids + low, ids + high, row) - ids);
  }

  void offer(uint32_t base, uint32_t rows, float rest, TopHits& top) {
    float* sums = sums_.data();
    float needed = lowest(top, rest);
    uint32_t looked = 0;
    constexpr uint32_t step = 16;
    for (uint32_t begin = 0; begin < rows; begin += step) {
      // Sums beyond the last row are zeros, as all are between windows.
      uint32_t above = 0;
      for (uint32_t i = 0; i < step; ++i) above += sums[begin + i] > needed ? 1 : 0;
      if (above == 0) continue;
      for (uint32_t i = 0; i < step; ++i) {
        if (!(sums[begin + i] > needed)) continue;
        const uint32_t row = base + begin + i;
        if (!visible_.test(row)) continue;
        ++looked;
        const float score = scoreOf(row);
        if (!(score > 0) || !inRange(params_, Metric::ip, -score)) continue;
        top.add(rankedRow(-score, row));
        needed = lowest(top, rest);
      }
    }
    std::memset(sums, 0, rows * sizeof(float));
    // Leaving lists out pays while few rows come near the bar without them.
    if (saved_ == 0 && looked > 0) return;
    const double spent = looked * kLookupCost * static_cast<double>(terms_.size());
    share_ = spent > saved_ ? share_ * 0.7f : std::min(1.0f, share_ * 1.15f);
  }

  /// A sum must be above this for its row to be looked at.
  static float lowest(const TopHits& top, float rest) {
    const float needed = bar(top);
    return needed < 0 ? 0.0f : std::max(0.0f, needed * (1 - kRounding) - rest * (1 + kRounding));
  }

  /// The product as an exact scan computes it. Rows come in ascending order.
  float scoreOf(uint32_t row) {
    float sum = 0;
    for (Term& term : terms_) {
      if (term.look >= term.end) continue;
      term.look = gallop(term.look, term.end, row);
      if (term.look < term.end && index_.rowIds_[term.look] == row) sum += term.weight * index_.values_[term.look];
    }
    return sum;
  }

  const SparseIndex& index_;
  const Bitset& visible_;
  const SearchParams& params_;
  bool everyList_;
  std::vector<float> sums_;
  std::vector<Term> terms_;
  std::vector<uint32_t> order_;
  uint64_t postings_ = 0;
  double saved_ = 0;
  /// How much of the bar the lists left out may make up.
  float share_ = 0.5f;
};

bool SparseIndex::recognises(const uint8_t* data, size_t bytes) { return bytes >= 4 && std::memcmp(data, &kSparseMagic, 4) == 0; }

Result<SparseIndex> SparseIndex::open(const uint8_t* data, size_t bytes) {
  const auto bad = [](std::string why) { return Result<SparseIndex>{Status::corrupted("sparse index: " + std::move(why)), {}}; };
  if (data == nullptr || bytes < sizeof(SparseHeader)) return bad(std::to_string(bytes) + " bytes are too few for a header");
  if (reinterpret_cast<uintptr_t>(data) % 64 != 0) return {Status::invalid("sparse index: the bytes are not 64-byte aligned"), {}};
  SparseHeader h;
  std::memcpy(&h, data, sizeof(h));
  if (h.magic != kSparseMagic) return bad("the magic is not RKSP");
  if (h.version != kSparseVersion) return bad("version " + std::to_string(h.version) + " is not known, this reads 1");
  if (crc32c(data, offsetof(SparseHeader, crc)) != h.crc) return bad("the header's checksum does not fit");
  if (h.rows > kRowsMax) return bad("row count is " + std::to_string(h.rows));
  if (h.postings > bytes) return bad("posting count is " + std::to_string(h.postings));
  SparseHeader placed = h;
  placeSections(placed);
  if (std::memcmp(&placed, &h, sizeof(h)) != 0 || h.bytes != bytes) return bad("sections are not where they belong in " + std::to_string(bytes) + " bytes");
  SparseIndex index;
  index.data_ = data;
  index.bytes_ = bytes;
  index.rows_ = h.rows;
  index.lists_ = h.lists;
  index.postings_ = h.postings;
  index.dimensions_ = reinterpret_cast<const uint32_t*>(data + h.dimensionsAt);
  index.starts_ = reinterpret_cast<const uint64_t*>(data + h.startsAt);
  index.bounds_ = reinterpret_cast<const float*>(data + h.boundsAt);
  index.rowIds_ = reinterpret_cast<const uint32_t*>(data + h.rowsAt);
  index.values_ = reinterpret_cast<const float*>(data + h.valuesAt);
  if (index.starts_[0] != 0 || index.starts_[h.lists] != h.postings) return bad("list starts do not cover the postings");
  for (uint32_t i = 0; i < h.lists; ++i) {
    if (index.starts_[i] > index.starts_[i + 1]) return bad("start of list " + std::to_string(i) + " is " + std::to_string(index.starts_[i]));
  }
  return {{}, index};
}

Status SparseIndex::verify() const {
  SparseHeader h;
  std::memcpy(&h, data_, sizeof(h));
  if (crc32c(data_ + sizeof(h), bytes_ - sizeof(h)) != h.sectionsCrc) return Status::corrupted("sparse index: the sections' checksum does not fit");
  return {};
}

Status SparseIndex::search(const SparseRow* queries, uint32_t nq, const Bitset& visible, const SearchParams& params,
                           const SparseSearchParams& sparse, CancelToken cancel, const HitBuffer& out, SearchStats* stats) const {
  if (Status status = checkSearch(params, out); !status.ok()) return status;
  if (!(sparse.dropRatio >= 0) || !(sparse.dropRatio < 1)) return Status::invalid("drop_ratio_search is " + std::to_string(sparse.dropRatio) + ", it must be in [0, 1)");
  try {
    const uint32_t visibleRows = visible.count(rows_);
    SparseWalk walk(*this, visible, params, sparse.everyList);
    TopHits top;
    for (uint32_t q = 0; q < nq; ++q) {
      if (Status status = checkSparseRow(queries[q], "sparse query", q); !status.ok()) return status;
      top.reset(params.group == nullptr ? std::min<size_t>(params.k, visibleRows) : visibleRows);
      if (!walk.run(queries[q], sparse.dropRatio, top, cancel)) return Status::canceled();
      writeHits(top.sorted(), params, Metric::ip, q, out);
    }
    if (cancel.raised()) return Status::canceled();
    if (stats != nullptr) {
      stats->distances += walk.postings();
      stats->bytes += walk.postings() * 8;
      stats->visibleRows = visibleRows;
      if (visibleRows > 0 && stats->path < SearchPath::flat) stats->path = SearchPath::flat;
    }
    return {};
  } catch (const std::bad_alloc&) {
    return Status::outOfMemory();
  }
}

}  // namespace redkite
