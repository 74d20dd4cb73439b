#include "interim-index.h"

#include <algorithm>
#include <vector>

#include "bitmap.h"
#include "buffer.h"
#include "read.h"

namespace redkite::segment {
namespace {

/** A slice ends soon enough for a segment to be closed and for a build to have its turn. */
constexpr uint32_t kSliceRows = 1024;

}  // namespace

InterimIndexes::~InterimIndexes() { changeHeldBytes(-static_cast<int64_t>(charged_.load())); }

std::shared_ptr<const GrowingGraph> InterimIndexes::find(int64_t fieldId, Metric metric) const {
  const std::lock_guard lock(mutex_);
  const auto found = graphs_.find(fieldId);
  return found == graphs_.end() || found->second->metric() != metric ? nullptr : found->second;
}

bool InterimIndexes::wanted(int64_t fieldId, Metric metric, uint32_t rows) const {
  if (rows < kInterimRowsMin) return false;
  const std::lock_guard lock(mutex_);
  const auto found = graphs_.find(fieldId);
  if (found == graphs_.end()) return true;
  return found->second->metric() == metric && rows > found->second->rows() + kInterimTail;
}

Status InterimIndexes::advance(const Snapshot& snapshot, int64_t fieldId, Metric metric, CancelToken cancel, bool& more) {
  more = false;
  const ColumnView* column = snapshot.column(fieldId);
  const auto type = column == nullptr ? std::nullopt : vectorType(column->field.type);
  if (!type || *type == VectorType::sparse || snapshot.rows == 0) return good();
  std::shared_ptr<GrowingGraph> graph;
  {
    const std::lock_guard lock(mutex_);
    const auto found = graphs_.find(fieldId);
    if (found != graphs_.end()) graph = found->second;
  }
  if (graph == nullptr) {
    GrowingGraphParams params;
    params.type = *type;
    params.dim = column->field.dim;
    params.metric = metric;
    params.rowsMax = rowsMax_;
    Result<std::unique_ptr<GrowingGraph>> made = GrowingGraph::create(params);
    REDKITE_TRY(std::move(made.status));
    graph = std::move(made.value);
    const std::lock_guard lock(mutex_);
    graphs_[fieldId] = graph;
  }
  const uint32_t end = static_cast<uint32_t>(std::min<uint64_t>(snapshot.rows, uint64_t{graph->rows()} + std::max(kSliceRows, graph->rows() == 0 ? kInterimRowsMin : 0)));
  std::vector<uint64_t> valid;
  Bitset indexed{nullptr, end};
  if (column->mayBeNull()) {
    valid.resize(wordsFor(end));
    for (uint32_t w = 0; w < valid.size(); w++) valid[w] = column->validWord(w * 64, end);
    indexed.words = valid.data();
  }
  const uint32_t before = graph->rows();
  const VectorView view = VectorView::contiguous(*type, column->field.dim, snapshot.rows, &column->values);
  const Status status = graph->add(view, indexed, end, cancel);
  const uint64_t bytes = graph->memoryBytes();
  uint64_t total = bytes;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, other] : graphs_) {
      if (id != fieldId) total += other->memoryBytes();
    }
  }
  changeHeldBytes(static_cast<int64_t>(total) - static_cast<int64_t>(charged_.exchange(total)));
  // Too few rows with a vector to learn from: the next search asks again.
  more = status.ok() && graph->rows() > before && graph->rows() < snapshot.rows;
  return status;
}

}  // namespace redkite::segment
