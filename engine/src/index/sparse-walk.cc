#include "sparse-walk.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace redkite {
namespace {

/// Sums of one window: 16 KiB, half of the first-level cache.
constexpr uint32_t kWindowRows = 8192;
constexpr uint32_t kWindowsBetweenPolls = 16;
/// What the largest sum that a row can have is scaled to, with room for rounding up.
constexpr double kSumMost = 65'000;
constexpr uint32_t kBarMost = 65'534;

/// How many of the `n` (below 64) codes are not 0; eight may be read together.
uint32_t present(const uint8_t* codes, uint32_t n) {
  constexpr uint64_t low = 0x7f7f7f7f7f7f7f7f;
  uint32_t count = 0;
  for (; n > 0; codes += 8) {
    uint64_t eight;
    std::memcpy(&eight, codes, 8);
    if constexpr (std::endian::native == std::endian::little) {
      if (n < 8) eight &= (uint64_t{1} << (n * 8)) - 1;
    }
    count += static_cast<uint32_t>(std::popcount((((eight & low) + low) | eight) & ~low));
    n -= std::min(n, 8u);
  }
  return count;
}

/// Where the posting of a row lies in a list, of which [from, at) is this window's; `postings` when it has none.
uint64_t positionOf(const PostingList& list, uint64_t from, uint64_t at, uint32_t row) {
  if (list.rows == nullptr) {
    if (list.codes[row] == 0) return list.postings;
    const uint32_t block = row / kRankRows;
    return list.ranks[block] + present(list.codes + size_t{block} * kRankRows, row % kRankRows);
  }
  const uint32_t* found = std::lower_bound(list.rows + from, list.rows + at, row);
  return found < list.rows + at && *found == row ? static_cast<uint64_t>(found - list.rows) : list.postings;
}

}  // namespace

SparseWalk::SparseWalk(const SparseIndex& index, const Bitset& visible, const SearchParams& params)
    : index_(index), visible_(visible), params_(params), scoring_(index.metric_, params.bm25), kernels_(kernels().term), sums_(kWindowRows), candidates_(kWindowRows / 64), above_(kWindowRows / 64) {}

bool SparseWalk::run(const SparseRow& query, float dropRatio, TopHits& top, CancelToken cancel) {
  takeTerms(query, dropRatio);
  if (terms_.empty()) return true;
  scaleBounds();
  bar_ = 0;
  uint32_t windows = 0;
  for (uint64_t base = 0; base < index_.rows_; base += kWindowRows) {
    if (++windows % kWindowsBetweenPolls == 0 && cancel.raised()) return false;
    const uint32_t rows = static_cast<uint32_t>(std::min<uint64_t>(kWindowRows, index_.rows_ - base));
    if (addUp(static_cast<uint32_t>(base), rows)) offer(static_cast<uint32_t>(base), rows, top);
  }
  return true;
}

void SparseWalk::takeTerms(const SparseRow& query, float dropRatio) {
  terms_.clear();
  most_.clear();
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
    const float value = valueAt(query, i);
    if (*found != indexAt(query, i) || std::fabs(value) < least || value == 0) continue;
    const uint32_t number = static_cast<uint32_t>(found - index_.dimensions_);
    const float* bounds = index_.bounds_ + size_t{number} * 2;
    Term term;
    term.list = index_.list(number);
    term.weight = scoring_.weight(value);
    terms_.push_back(term);
    most_.push_back(std::fabs(double{term.weight}) * std::max(std::fabs(bounds[0]), std::fabs(bounds[1])));
  }
}

void SparseWalk::scaleBounds() {
  const double terms = static_cast<double>(terms_.size());
  const double gained = gain();
  double total = 0;
  for (double& most : most_) total += most *= gained;
  // Sums of floats, each of which rounds.
  rounding_ = 1e-5 + 1.2e-7 * terms;
  // Beyond these, floats overflow or lose their precision.
  scale_ = total >= 1e-30 && total <= 1e38 && rounding_ < 0.5 ? kSumMost / total : 0;
  for (size_t i = 0; i < terms_.size(); ++i) {
    // At least 256, so that no posting leaves a sum at 0.
    const double factor = scale_ == 0 ? 65'535 : std::ceil(scale_ * most_[i] * (256.0 / kCodeMost) * (1 + 1e-6));
    terms_[i].factor = static_cast<uint16_t>(std::clamp(factor, 256.0, 65'535.0));
  }
}

/// How many times what it was when the codes were made an entry can count. Linear in numerator and denominator, so that it is most in a corner.
double SparseWalk::gain() const {
  if (!scoring_.isBm25()) return 1;
  const SparseScoring built(Metric::bm25, index_.bm25_);
  double most = 0;
  for (const double frequency : {double{index_.leastTerm_}, double{index_.mostTerm_}}) {
    for (const double length : {double{index_.leastTerm_}, double{index_.longest_}}) {
      const double was = frequency + built.base() + built.slope() * length;
      const double is = frequency + scoring_.base() + scoring_.slope() * length;
      most = std::max(most, is > 0 ? was / is : std::numeric_limits<double>::infinity());
    }
  }
  return most * (1 + 1e-5);
}

/// Adds the codes of a window up. False when no row got anything.
bool SparseWalk::addUp(uint32_t base, uint32_t rows) {
  bool any = false;
  uint16_t* sums = sums_.data();
  for (Term& term : terms_) {
    const PostingList& list = term.list;
    if (list.rows == nullptr) {
      const uint32_t padded = (rows + 63) / 64 * 64;
      kernels_.addCodes(list.codes + base, padded, term.factor, sums);
      codes_ += padded;
      bytes_ += padded;
      any = true;
      continue;
    }
    uint64_t at = term.from = term.at;
    const uint32_t factor = term.factor;
    for (; at < list.postings; ++at) {
      // Damaged rows end the window too.
      const uint32_t offset = list.rows[at] - base;
      if (offset >= rows) break;
      const uint32_t code = list.codes == nullptr ? kCodeMost : list.codes[at];
      sums[offset] = static_cast<uint16_t>(std::min(sums[offset] + ((code * factor) >> 8), 65'535u));
    }
    any = any || at > term.from;
    codes_ += at - term.from;
    bytes_ += (at - term.from) * 5;
    term.at = at;
  }
  return any;
}

void SparseWalk::offer(uint32_t base, uint32_t rows, TopHits& top) {
  raiseBar(top);
  const uint32_t words = (rows + 63) / 64;
  kernels_.above(sums_.data(), words * 64, bar_, candidates_.data());
  size_t found = 0;
  for (uint32_t w = 0; w < words; ++w) {
    if (candidates_[w] == 0) continue;
    candidates_[w] &= visible_.word(base / 64 + w, index_.rows_);
    found += static_cast<size_t>(std::popcount(candidates_[w]));
  }
  // The best first, so that the others have something to reach.
  if (const size_t room = top.room(); room > 0 && found > room) offerBest(base, words, room, top);
  for (uint32_t w = 0; w < words && found > 0; ++w) {
    for (uint64_t bits = candidates_[w]; bits != 0; bits &= bits - 1) {
      const uint32_t offset = w * 64 + static_cast<uint32_t>(std::countr_zero(bits));
      if (sums_[offset] > bar_) offerRow(base + offset, top);
    }
  }
  std::memset(sums_.data(), 0, size_t{words} * 64 * sizeof(uint16_t));
}

void SparseWalk::offerBest(uint32_t base, uint32_t words, size_t count, TopHits& top) {
  takeCandidates(words, count < words ? likelyBar(words, count) : 0);
  // Few of those above it may be visible.
  if (best_.size() < count) takeCandidates(words, 0);
  std::nth_element(best_.begin(), best_.begin() + static_cast<ptrdiff_t>(count), best_.end(), [this](uint32_t a, uint32_t b) { return sums_[a] > sums_[b]; });
  for (size_t i = 0; i < count; ++i) {
    offerRow(base + best_[i], top);
    // Not again.
    sums_[best_[i]] = 0;
  }
}

void SparseWalk::takeCandidates(uint32_t words, uint16_t bar) {
  best_.clear();
  kernels_.above(sums_.data(), words * 64, bar, above_.data());
  for (uint32_t w = 0; w < words; ++w) {
    for (uint64_t bits = above_[w] & candidates_[w]; bits != 0; bits &= bits - 1) best_.push_back(w * 64 + static_cast<uint32_t>(std::countr_zero(bits)));
  }
}

/// `count` sums or more are above this: that many blocks have one.
uint16_t SparseWalk::likelyBar(uint32_t words, size_t count) {
  maxima_.assign(words, 0);
  for (uint32_t w = 0; w < words; ++w) {
    const uint16_t* sums = sums_.data() + size_t{w} * 64;
    uint16_t most = 0;
    for (uint32_t i = 0; i < 64; ++i) most = std::max(most, sums[i]);
    maxima_[w] = most;
  }
  std::nth_element(maxima_.begin(), maxima_.begin() + static_cast<ptrdiff_t>(count - 1), maxima_.end(), [](uint16_t a, uint16_t b) { return a > b; });
  return static_cast<uint16_t>(std::max<uint16_t>(maxima_[count - 1], 1) - 1);
}

void SparseWalk::offerRow(uint32_t row, TopHits& top) {
  const float score = scoreOf(row);
  ++scores_;
  if (!(score > 0) || !inRange(params_, index_.metric_, -score)) return;
  top.add(rankedRow(-score, row));
  raiseBar(top);
}

/// A row with a score that is still wanted has a sum above the bar.
void SparseWalk::raiseBar(const TopHits& top) {
  const RankedRow worst = top.worst();
  float needed = worst == ~uint64_t{0} || worst == 0 ? 0.0f : -distanceOf(worst);
  if (params_.range != nullptr) needed = std::max(needed, params_.range->radius);
  // Each product of a code was rounded down.
  const double bar = std::floor(scale_ * needed * (1 - rounding_)) - static_cast<double>(terms_.size()) - 1;
  bar_ = bar > 0 ? static_cast<uint16_t>(std::min<double>(bar, kBarMost)) : uint16_t{0};
}

/// The score as a scan computes it, term by term.
float SparseWalk::scoreOf(uint32_t row) {
  const float norm = scoring_.isBm25() ? scoring_.norm(index_.lengths_[row]) : 0.0f;
  float sum = 0;
  for (const Term& term : terms_) {
    const uint64_t at = positionOf(term.list, term.from, term.at, row);
    bytes_ += 8;
    if (at < term.list.postings) sum += term.weight * scoring_.part(term.list.values[at], norm);
  }
  return sum;
}

}  // namespace redkite
