#include "block-scan.h"

#include <cmath>
#include <limits>

#include "redkite/quantise.h"

namespace redkite {
namespace {

/// Below this many queries coding the rows costs more than it saves.
constexpr uint32_t kQueriesMin = 6;
constexpr uint32_t kCenterRows = 64;
constexpr float kNever = std::numeric_limits<float>::infinity();
/// Lengths below this lose their digits when squared.
constexpr float kLengthMin = 1e-15f;

/// Where query q lies within the codes of its group.
size_t codeAt(uint32_t padded, uint32_t q, uint32_t d) {
  return size_t{q / kBlockQueries} * kBlockQueries * padded + (size_t{d / 4} * kBlockQueries + q % kBlockQueries) * 4 + d % 4;
}

bool isFloat(VectorType type) { return type == VectorType::f32 || type == VectorType::f16 || type == VectorType::bf16; }

}  // namespace

bool BlockScan::suits(const VectorView& view, const SearchParams& params, uint32_t nq, uint32_t visibleRows) {
  return kernels().block.candidates != nullptr && isFloat(view.type) && nq >= kQueriesMin && params.group == nullptr && view.dim >= 16 &&
         params.k <= visibleRows / 64;
}

BlockScan::BlockScan(const VectorView& view, Metric metric, const SearchParams& params)
    : view_(view), metric_(metric), params_(params), kernel_(kernels().block), padded_((view.dim + 63) / 64 * 64),
      rounding_(2e-7f * (static_cast<float>(view.dim) / 16 + 16)), center_(view.dim, 0.0f), wide_(view.dim), row_(padded_),
      packed_(AlignedBytes::allocate(size_t{padded_} * kBlockRows)), scratch_(AlignedBytes::allocate(size_t{padded_} * kBlockRows)) {
  if (metric != Metric::l2 || view.rows == 0) return;
  // Any center is right; one amid the rows makes the codes fine.
  for (uint32_t i = 0; i < kCenterRows; ++i) {
    widenRow(view.type, view.row(static_cast<uint32_t>(uint64_t{i} * view.rows / kCenterRows)), view.dim, wide_.data());
    for (uint32_t d = 0; d < view.dim; ++d) {
      if (std::isfinite(wide_[d])) center_[d] += wide_[d] / kCenterRows;
    }
  }
  for (float& value : center_) value = std::isfinite(value) ? value : 0.0f;
}

void BlockScan::setQueries(const uint8_t* queries, const Scorer* scorers, uint32_t nq) {
  scorers_ = scorers;
  nq_ = nq;
  const uint32_t groups = (nq + kBlockQueries - 1) / kBlockQueries;
  codes_.assign(size_t{groups} * kBlockQueries * padded_, 0);
  queries_.assign(groups, QueryBlock{});
  for (uint32_t q = 0; q < nq; ++q) setQuery(queries + q * rowBytes(view_.type, view_.dim), q);
}

void BlockScan::setQuery(const uint8_t* query, uint32_t q) {
  const uint32_t dim = view_.dim;
  widenRow(view_.type, query, dim, wide_.data());
  double squared = 0;
  for (uint32_t d = 0; d < dim; ++d) {
    wide_[d] -= center_[d];
    squared += static_cast<double>(wide_[d]) * static_cast<double>(wide_[d]);
  }
  if (metric_ == Metric::cosine && squared > 0) {
    const float inverse = static_cast<float>(1 / std::sqrt(squared));
    squared = 0;
    for (float& value : wide_) {
      value *= inverse;
      squared += static_cast<double>(value) * static_cast<double>(value);
    }
  }
  const QuantisedQuery coded = quantiseQuery(wide_.data(), dim, 127, row_.data());
  double lost = 0;
  for (uint32_t d = 0; d < dim; ++d) {
    const double difference = static_cast<double>(wide_[d]) - static_cast<double>(coded.scale) * row_[d];
    lost += difference * difference;
    codes_[codeAt(padded_, q, d)] = row_[d];
  }
  const float length = static_cast<float>(std::sqrt(squared));
  const float error = static_cast<float>(std::sqrt(lost));
  QueryBlock& block = queries_[q / kBlockQueries];
  const uint32_t at = q % kBlockQueries;
  block.scale[at] = coded.scale;
  block.offset[at] = 128.0f * static_cast<float>(coded.sum);
  // |q.r - q'.r'| <= |q| |r - r'| + |q - q'| (|r| + |r - r'|)
  block.length[at] = length + error;
  block.error[at] = error + rounding_ * length;
  block.constant[at] = metric_ == Metric::l2 ? length * length * (1 - rounding_) : 0.0f;
}

void BlockScan::applyMetric() {
  if (metric_ == Metric::ip) return;
  for (uint32_t r = 0; r < kBlockRows; ++r) {
    const float length = block_.length[r];
    if (metric_ == Metric::l2) {
      block_.scale[r] *= 2;
      block_.error[r] *= 2;
      block_.length[r] *= 2;
      block_.constant[r] = length * length * (1 - rounding_);
    } else if (length > kLengthMin) {
      const float inverse = 1 / length;
      block_.scale[r] *= inverse;
      block_.error[r] *= inverse;
      block_.length[r] = 1;
    } else {
      block_.error[r] = kNever;
    }
  }
}

void BlockScan::compare(const uint8_t* const* rows, const uint32_t* ids, uint32_t n, TopHits* tops) {
  for (uint32_t begin = 0; begin < n; begin += kBlockRows) {
    compareBlock(rows + begin, ids + begin, n - begin < kBlockRows ? n - begin : kBlockRows, tops);
  }
}

void BlockScan::compareBlock(const uint8_t* const* rows, const uint32_t* ids, uint32_t n, TopHits* tops) {
  kernel_.pack[static_cast<uint32_t>(view_.type)](rows, n, center_.data(), view_.dim, packed_.data(), scratch_.data(), block_);
  applyMetric();
  const uint32_t present = n == 32 ? ~0u : (1u << n) - 1;
  offered_ += uint64_t{n} * nq_;
  for (uint32_t group = 0; group < queries_.size(); ++group) {
    QueryBlock& query = queries_[group];
    const uint32_t first = group * kBlockQueries;
    const uint32_t count = std::min(kBlockQueries, nq_ - first);
    for (uint32_t q = 0; q < count; ++q) {
      const RankedRow worst = tops[first + q].worst();
      query.worst[q] = worst == ~uint64_t{0} ? kNever : distanceOf(worst);
    }
    uint32_t masks[kBlockQueries];
    kernel_.candidates(codes_.data() + size_t{group} * kBlockQueries * padded_, query, packed_.data(), block_, padded_, masks);
    for (uint32_t q = 0; q < count; ++q) {
      uint32_t mask = masks[q] & present;
      if (mask == 0) continue;
      const uint8_t* chosen[kBlockRows];
      uint32_t chosenIds[kBlockRows];
      float distances[kBlockRows];
      uint32_t m = 0;
      for (; mask != 0; mask &= mask - 1) {
        const uint32_t r = static_cast<uint32_t>(std::countr_zero(mask));
        chosen[m] = rows[r];
        chosenIds[m++] = ids[r];
      }
      scorers_[first + q].distances(chosen, m, distances);
      exact_ += m;
      TopHits& top = tops[first + q];
      for (uint32_t i = 0; i < m; ++i) {
        const RankedRow hit = rankedRow(distances[i], chosenIds[i]);
        if (hit < top.worst() && inRange(params_, metric_, distances[i])) top.add(hit);
      }
    }
  }
}

}  // namespace redkite
