// Hostile parameters of searches over whole index files of every kind, and over none. An input is the number of an index, with its highest
// bit for none; the metric, or 255 for the index's own; a search (vector-world.h).
#include "driver.h"
#include "vector-world.h"

using namespace redkite;
using namespace redkite::fuzz;

namespace {

constexpr uint32_t kHeadBytes = 2;

/** Rows with a vector among those that are visible: so many hits are there to be had. */
uint32_t candidates(const segment::Snapshot& snapshot, const segment::SearchInput& asked) {
  segment::RowBitmap visible(snapshot.rows);
  uint32_t count = 0;
  CHECK_OK(matchingRows(snapshot, asked.visibility, nullptr, {}, visible.words(), count));
  uint32_t held = 0;
  for (uint32_t row = 0; row < snapshot.rows; row++) {
    held += (visible.words()[row / 64] >> (row % 64) & 1) != 0 && !snapshot.column(asked.fieldId)->isNull(row) ? 1 : 0;
  }
  return held;
}

/** k rows come back whenever k match. */
void checkCounts(const segment::Snapshot& snapshot, const segment::SearchInput& asked, const segment::SearchOutput& out) {
  const bool everyRowIsHit = asked.fieldId != kSparse && !isRelation(asked.metric) && (asked.metric != Metric::mhjaccard || asked.minHash.estimate);
  if (asked.range || asked.groupField || !everyRowIsHit) return;
  const uint32_t wanted = std::min(asked.k, candidates(snapshot, asked));
  for (uint32_t q = 0; q < asked.nq; q++) CHECK(static_cast<uint32_t>(out.starts[q + 1] - out.starts[q]) == wanted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < kHeadBytes + kAskedBytes) return 0;
  const VectorWorld& world = vectorWorld();
  const IndexSample& sample = world.indexes[(data[0] & 127u) % world.indexes.size()];
  const uint32_t metrics = static_cast<uint32_t>(kLastMetric) + 1;
  const Metric metric = data[1] == 255 ? sample.metric : static_cast<Metric>(data[1] % metrics);
  if ((data[0] & 128) == 0) CHECK_OK(world.segment->attachIndex(sample.fieldId, sample.file));
  const Asked asked(data + kHeadBytes, sample.fieldId, metric);
  const segment::Snapshot snapshot = world.segment->snapshot();
  segment::SearchOutput out;
  const Status status = search(snapshot, asked.input, {}, out);
  CHECK(status.ok() || status.code == StatusCode::invalidArgument);
  if (status.ok()) {
    checkAnswer(snapshot, asked.input, out, File::whole);
    checkCounts(snapshot, asked.input, out);
  }
  world.segment->detachIndex(sample.fieldId);
  return 0;
}

#if !defined(REDKITE_LIBFUZZER)
namespace {

/** Of the searches of an index one does without it. */
Samples samples() {
  return inputsOfEveryIndex(
      6, [](uint32_t index, uint32_t variant) { return std::pair{static_cast<uint8_t>(index | (variant == 5 ? 128 : 0)), uint8_t{255}}; },
      [](const IndexSample&) { return std::span<const uint8_t>(); });
}

}  // namespace

int main(int argc, char** argv) { return drive(argc, argv, samples(), kHeadBytes + kAskedBytes); }
#endif
