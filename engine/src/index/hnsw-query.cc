#include "hnsw-query.h"

#include <cmath>

#include "redkite/quantise.h"
#include "redkite/scorer.h"

namespace redkite {
namespace {

/// Leaves the query in `wide` as rows were coded; its squared length where the metric needs it.
double prepareQuery(const HnswParts& parts, const uint8_t* query, std::vector<float>& wide) {
  const HnswHeader& h = parts.header;
  wide.resize(h.dim);
  widenRow(static_cast<VectorType>(h.type), query, h.dim, wide.data());
  if (static_cast<Metric>(h.metric) == Metric::cosine) {
    double squared = 0;
    for (const float value : wide) squared += static_cast<double>(value) * static_cast<double>(value);
    const float inverse = squared > 0 && std::isfinite(squared) ? static_cast<float>(1 / std::sqrt(squared)) : 0.0f;
    for (float& value : wide) value *= inverse;
  }
  double squared = 0;
  if (parts.center != nullptr) {
    for (uint32_t d = 0; d < h.dim; ++d) {
      wide[d] -= parts.center[d];
      squared += static_cast<double>(wide[d]) * static_cast<double>(wide[d]);
    }
  }
  return squared;
}

}  // namespace

CodeSpace codeSpaceOf(const HnswParts& parts, const uint8_t* query, std::vector<float>& wide, std::vector<int8_t>& codes) {
  const HnswHeader& h = parts.header;
  const KernelTable& table = kernels();
  const double squared = prepareQuery(parts, query, wide);
  codes.assign(h.codeStride, 0);
  const QuantisedQuery coded = quantiseQuery(wide.data(), h.dim, table.code.queryMax, codes.data());
  CodeSpace space;
  space.codes = parts.codes;
  space.stride = h.codeStride;
  space.query = codes.data();
  space.dot = table.code.dot;
  space.biases = parts.biases;
  const float scale = coded.scale * h.codeScale * (parts.biases == nullptr ? 1.0f : 2.0f);
  space.factor = scale;
  space.constant = scale * 128.0f * static_cast<float>(coded.sum) + static_cast<float>(squared);
  return space;
}

TableSpace tableSpaceOf(const HnswParts& parts, const uint8_t* query, std::vector<float>& wide, std::vector<float>& tables) {
  const double squared = prepareQuery(parts, query, wide);
  const ProductShape shape = productShapeOf(parts.header);
  const size_t levelTables = size_t{shape.subs} * shape.room();
  tables.resize(shape.levels * levelTables);
  for (uint32_t level = 0; level < shape.levels; ++level) {
    kernels().list.products(wide.data(), shape.book(parts.books, level), shape.subs, shape.width(), shape.room(), tables.data() + level * levelTables);
  }
  TableSpace space;
  space.codes = parts.codes;
  space.stride = parts.header.codeStride;
  space.tables = tables.data();
  space.room = shape.room();
  space.biases = parts.biases;
  space.factor = parts.biases == nullptr ? 1.0f : 2.0f;
  space.constant = static_cast<float>(squared);
  return space;
}

}  // namespace redkite
