#include "hnsw-coding.h"

#include <algorithm>
#include <cmath>

#include "order.h"
#include "parallel.h"
#include "prepare-row.h"
#include "product-codes.h"

namespace redkite {

ScalarQuantiser trainOn(const BuildPlan& plan) {
  const VectorView& view = *plan.view;
  const Metric metric = plan.params.metric;
  // Signed bytes are codes already.
  if (view.type == VectorType::i8 && metric != Metric::cosine) return {view.dim, 1, std::vector<float>(view.dim, 0.0f)};
  const uint32_t total = static_cast<uint32_t>(plan.order.size());
  const uint32_t count = std::min(total, std::max(64u, (1u << 22) / view.dim));
  std::vector<float> sample(size_t{count} * view.dim);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t at = static_cast<uint32_t>(uint64_t{i} * total / count);
    prepareRow(view, metric, plan.order[at], sample.data() + size_t{i} * view.dim);
  }
  // The largest inner products come from the longest rows, which clipping would shorten.
  return trainQuantiser(sample.data(), count, view.dim, metric == Metric::l2, metric != Metric::ip);
}

void encodeRows(const BuildPlan& plan, const ScalarQuantiser& quantiser, uint8_t* file) {
  const HnswHeader& h = plan.header;
  std::vector<float> row(h.dim);
  for (const uint32_t id : plan.order) {
    prepareRow(*plan.view, plan.params.metric, id, row.data());
    uint8_t* codes = file + h.codesAt + uint64_t{id} * h.codeStride;
    quantiser.encode(row.data(), codes);
    if (h.biasesAt == 0) continue;
    int64_t squared = 0;
    for (uint32_t d = 0; d < h.dim; ++d) {
      const int32_t value = static_cast<int32_t>(codes[d]) - 128;
      squared += value * value;
    }
    reinterpret_cast<float*>(file + h.biasesAt)[id] = quantiser.scale * quantiser.scale * static_cast<float>(squared);
  }
  if (h.centerAt != 0) std::copy(quantiser.center.begin(), quantiser.center.end(), reinterpret_cast<float*>(file + h.centerAt));
}

CodeSet codeSetOf(const BuildPlan& plan, const uint8_t* file, std::vector<float>& constants) {
  const HnswHeader& h = plan.header;
  constants.resize(h.rows);
  CodeSet set{&kernels(), file + h.codesAt, h.codeStride, h.biasesAt == 0 ? nullptr : reinterpret_cast<const float*>(file + h.biasesAt),
              h.codeScale, constants.data()};
  const float squared = set.scale * set.scale;
  for (const uint32_t row : plan.order) {
    const uint8_t* code = set.codes + uint64_t{row} * set.stride;
    int32_t sum = -128 * static_cast<int32_t>(h.dim);
    for (uint32_t d = 0; d < h.dim; ++d) sum += code[d];
    const float product = 128.0f * static_cast<float>(sum) * squared;
    constants[row] = set.biases == nullptr ? product : set.biases[row] + 2 * product;
  }
  return set;
}

bool codesKeepNeighbours(const BuildPlan& plan, const CodeSet& set) {
  constexpr uint32_t queries = 24;
  constexpr uint32_t rowsMax = 100'000;
  constexpr uint32_t nearest = 10;
  constexpr uint32_t among = 20;
  const uint32_t total = static_cast<uint32_t>(plan.order.size());
  if (total <= among) return true;
  const uint32_t count = std::min(total, rowsMax);
  std::vector<uint32_t> rows(count);
  for (uint32_t i = 0; i < count; ++i) rows[i] = plan.order[static_cast<uint32_t>(uint64_t{i} * total / count)];
  RawPairs exact(*plan.view, plan.params.metric);
  CodePairs coded(set);
  std::vector<RankedRow> byRow(count);
  std::vector<RankedRow> byCode(count);
  uint32_t kept = 0;
  for (uint32_t q = 0; q < queries; ++q) {
    const uint32_t query = rows[static_cast<uint32_t>((uint64_t{q} * 2 + 1) * count / (queries * 2))];
    exact.setRow(query);
    coded.setRow(query);
    float distances[kWalkBatch];
    for (uint32_t begin = 0; begin < count; begin += kWalkBatch) {
      const uint32_t n = std::min(kWalkBatch, count - begin);
      exact.space().distances(rows.data() + begin, n, distances);
      for (uint32_t i = 0; i < n; ++i) byRow[begin + i] = rankedRow(distances[i], rows[begin + i]);
      coded.space().distances(rows.data() + begin, n, distances);
      for (uint32_t i = 0; i < n; ++i) byCode[begin + i] = rankedRow(distances[i], rows[begin + i]);
    }
    std::nth_element(byRow.begin(), byRow.begin() + nearest, byRow.end());
    std::nth_element(byCode.begin(), byCode.begin() + among, byCode.end());
    std::vector<uint32_t> close;
    for (uint32_t i = 0; i < among; ++i) close.push_back(rowOf(byCode[i]));
    // Rows at exactly the distance of the tenth are as good as it.
    for (uint32_t i = 0; i < nearest; ++i) {
      kept += std::find(close.begin(), close.end(), rowOf(byRow[i])) != close.end() ||
              distanceOf(byRow[i]) >= distanceOf(byRow[nearest]);
    }
  }
  return kept * 100 >= queries * nearest * 97;
}

Status encodeProducts(const BuildPlan& plan, const ProductShape& shape, const std::vector<float>& center, float* books, uint8_t* codes, float* biases) {
  const uint32_t dim = plan.view->dim;
  const size_t stride = size_t{shape.subs} * shape.levels;
  const uint32_t total = static_cast<uint32_t>(plan.order.size());
  const uint32_t count = static_cast<uint32_t>(std::min<uint64_t>(total, productSampleRows(shape)));
  const auto prepare = [&](uint32_t id, float* row) {
    prepareRow(*plan.view, plan.params.metric, id, row);
    for (uint32_t d = 0; d < dim; ++d) row[d] = std::isfinite(row[d]) ? row[d] - center[d] : 0.0f;
  };
  std::vector<float> sample(size_t{count} * shape.dim);
  for (uint32_t i = 0; i < count; ++i) prepare(plan.order[static_cast<uint32_t>(uint64_t{i} * total / count)], sample.data() + size_t{i} * shape.dim);
  Status status = trainProductBooks(sample, count, shape, plan.params.threads, plan.params.seed, plan.control.cancel, books);
  if (!status.ok()) return status;
  return parallelFor(plan.params.threads, total, 256, plan.control.cancel, [&] {
    return [&, encoder = ProductEncoder(shape, books), row = std::vector<float>(shape.dim), left = std::vector<float>(shape.dim)](uint32_t begin, uint32_t end) mutable {
      for (uint32_t i = begin; i < end; ++i) {
        const uint32_t id = plan.order[i];
        prepare(id, row.data());
        left = row;
        encoder.encode(left.data(), codes + id * stride);
        if (biases == nullptr) continue;
        double squared = 0;
        for (uint32_t d = 0; d < dim; ++d) squared += static_cast<double>(row[d] - left[d]) * static_cast<double>(row[d] - left[d]);
        biases[id] = static_cast<float>(squared);
      }
    };
  });
}

}  // namespace redkite
