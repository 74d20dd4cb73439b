// A segment's whole life under threads: two add rows and two delete them while others search, under filters too, its graph grows, it is copied as
// a checkpoint does, sealed, indexed and indexed otherwise. Run it under the thread sanitizer.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "../src/segment/read.h"
#include "batch-builder.h"
#include "sealed-copy.h"
#include "vectors.h"

using namespace redkite;
using namespace redkite::segment;
using namespace redkite::test;

namespace {

constexpr uint32_t kKey = 100, kNumber = 101, kText = 102, kVector = 103, kLate = 104;
constexpr uint32_t kDim = 16;
constexpr uint32_t kAdders = 2, kDeleters = 2, kSearchers = 3;
constexpr uint32_t kBatchRows = 60, kBatches = 90;
constexpr uint32_t kRows = kAdders * kBatches * kBatchRows;
/// Keys that every batch of an adder writes again, so that they have chains of versions.
constexpr int64_t kHotKeys = 5;
constexpr uint32_t kNumbers = 1000;

std::vector<Field> fields() {
  Field key, number, text, vector;
  key.id = kKey;
  key.type = Type::int64;
  key.isKey = true;
  number.id = kNumber;
  number.type = Type::int64;
  number.nullable = true;
  text.id = kText;
  text.type = Type::varchar;
  vector.id = kVector;
  vector.type = Type::floatVector;
  vector.dim = kDim;
  return {key, number, text, vector};
}

KeysView keysOf(const std::vector<int64_t>& keys) {
  KeysView view;
  view.count = static_cast<uint32_t>(keys.size());
  view.values = keys.data();
  return view;
}

/// While others get on.
void rest() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

/// kNumber in [low, high] (docs/internals/filter-program.md).
filter::Program numbersBetween(int64_t low, int64_t high) {
  struct {
    char magic[4] = {'R', 'K', 'F', 'P'};
    uint16_t version = 1, registers = 1;
    uint32_t operations = 1, poolBytes = 16;
    uint8_t op = 5, comparison = 0, arithmetic = 0, flags = 3;
    uint16_t to = 0, a = 0, b = 0, kind = 1;
    uint32_t field = kNumber, second = 0, constant = 0, constantBytes = 16, reserved = 0;
    int64_t bounds[2];
  } bytes;
  static_assert(sizeof(bytes) == 64);
  bytes.bounds[0] = low;
  bytes.bounds[1] = high;
  filter::Program program;
  CHECK_OK(filter::Program::parse({reinterpret_cast<const uint8_t*>(&bytes), sizeof(bytes)}, 0, program));
  return program;
}

/**
 * Timestamps of concurrent writers, and how many rows are visible at each. A write is under way from `begin` to `finish`; `settled` is a time up to
 * which all are finished.
 */
class Clock {
 public:
  explicit Clock(uint32_t writers) : floors_(writers) {
    for (auto& floor : floors_) floor.store(kIdle);
  }
  uint64_t begin(uint32_t writer) {
    floors_[writer].store(now_.load());
    return now_.fetch_add(1) + 1;
  }
  void finish(uint32_t writer, uint64_t at, int64_t change) {
    {
      const std::lock_guard lock(mutex_);
      changes_[at] = change;
    }
    floors_[writer].store(kIdle);
  }
  uint64_t settled() const {
    uint64_t at = now_.load();
    for (const auto& floor : floors_) at = std::min(at, floor.load());
    return at;
  }
  uint32_t rowsAt(uint64_t at) const {
    const std::lock_guard lock(mutex_);
    int64_t rows = 0;
    for (const auto& [time, change] : changes_) rows += time <= at ? change : 0;
    return static_cast<uint32_t>(rows);
  }

 private:
  static constexpr uint64_t kIdle = ~uint64_t{0};
  std::atomic<uint64_t> now_{0};
  std::vector<std::atomic<uint64_t>> floors_;
  mutable std::mutex mutex_;
  std::map<uint64_t, int64_t> changes_;
};

struct Delete {
  std::vector<int64_t> keys;
  uint64_t at;
};

class World {
 public:
  World() : vectors_(clustered(kRows, kDim, 1)), queries_(clustered(64, kDim, 2)) {
    std::shared_ptr<GrowingSegment> growing;
    CHECK_OK(GrowingSegment::create(fields(), kRows, 7, growing));
    growing_ = growing;
    current_ = growing;
  }

  void run() {
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < kAdders; ++i) threads.emplace_back([this, i] { addRows(i); });
    for (uint32_t i = 0; i < kDeleters; ++i) threads.emplace_back([this, i] { deleteRows(i); });
    for (uint32_t i = 0; i < kSearchers; ++i) threads.emplace_back([this, i] { searchRows(i); });
    threads.emplace_back([this] { growGraph(); });
    threads.emplace_back([this] { copyAndSeal(); });
    for (std::thread& thread : threads) thread.join();
    EXPECT(walked_.load() > 0 && similar_.load() * 100 >= walked_.load() * 93, std::to_string(similar_.load()) + " of " + std::to_string(walked_.load()));
  }

 private:
  std::shared_ptr<Segment> current() const {
    const std::lock_guard lock(currentMutex_);
    return current_;
  }
  void setCurrent(std::shared_ptr<Segment> segment) {
    const std::lock_guard lock(currentMutex_);
    current_ = std::move(segment);
  }

  /// Batch i of an adder: fresh keys, congruent to the adder, and a hot one. The first nulls, a text that makes its column move and a new field
  /// come when others are reading already.
  void addRows(uint32_t adder) {
    for (uint32_t batch = 0; batch < kBatches; ++batch) {
      std::vector<int64_t> keys, numbers;
      std::vector<std::string> texts;
      std::vector<uint8_t> validity((kBatchRows + 7) / 8, 0xff);
      const uint32_t first = (adder * kBatches + batch) * kBatchRows;
      for (uint32_t i = 0; i < kBatchRows; ++i) {
        const bool hot = i == 0;
        keys.push_back(hot ? -1 - static_cast<int64_t>(adder) - kAdders * (batch % kHotKeys) : int64_t{batch * kBatchRows + i} * kAdders + adder);
        numbers.push_back((first + i) * 7919 % kNumbers);
        texts.push_back(batch == kBatches / 2 && i < 9 ? std::string(4 << 20, 'x') : "row " + std::to_string(keys.back()));
        if (batch > kBatches / 3 && i % 11 == 5) validity[i / 8] = static_cast<uint8_t>(validity[i / 8] & ~(1u << (i % 8)));
      }
      const std::vector<float> vectors(vectors_.begin() + size_t{first} * kDim, vectors_.begin() + size_t{first + kBatchRows} * kDim);
      BatchBuilder builder(kBatchRows);
      builder.fixed(kKey, Type::int64, keys).fixed(kNumber, Type::int64, numbers, 0, validity).texts(kText, Type::varchar, texts).fixed(kVector, Type::floatVector, vectors, kDim);
      const uint64_t at = clock_.begin(adder);
      CHECK_OK(growing_->append(builder.encode(), at));
      clock_.finish(adder, at, kBatchRows);
      added_[adder].store(batch + 1);
      if (adder == 0 && batch == kBatches * 2 / 3) {
        Field late;
        late.id = kLate;
        late.type = Type::varchar;
        late.defaultValue = "late";
        CHECK_OK(growing_->addMissingField(late));
      }
      // Searches come between all batches, however the threads are scheduled.
      while (searches_.load() < uint64_t{batch} * 3) rest();
    }
  }

  /// Deleter i ends a third of adder i's fresh keys, each once.
  void deleteRows(uint32_t deleter) {
    const uint32_t writer = kAdders + deleter;
    for (uint32_t batch = 0; batch < kBatches; ++batch) {
      while (added_[deleter].load() <= batch) rest();
      // The last ones wait for the sealed segment.
      while (batch >= kBatches - 10 && !isSealed_.load()) rest();
      Delete one;
      for (uint32_t i = 1; i < kBatchRows; ++i) if (i % 3 == batch % 3) one.keys.push_back(int64_t{batch * kBatchRows + i} * kAdders + deleter);
      const std::shared_lock sealing(sealing_);
      one.at = clock_.begin(writer);
      const std::vector<uint64_t> times(one.keys.size(), one.at);
      std::vector<uint8_t> ended((one.keys.size() + 7) / 8);
      for (const std::shared_ptr<Segment>& segment : {std::shared_ptr<Segment>(growing_), sealed_}) {
        if (segment == nullptr) continue;
        CHECK_OK(segment->applyDeletes(keysOf(one.keys), times.data(), ended.data()));
        for (size_t i = 0; i < one.keys.size(); ++i) CHECK((ended[i / 8] >> (i % 8) & 1) == 1);
      }
      const auto count = static_cast<int64_t>(one.keys.size());
      {
        const std::lock_guard lock(deletesMutex_);
        deletes_.push_back(std::move(one));
      }
      clock_.finish(writer, times[0], -count);
    }
  }

  void searchRows(uint32_t searcher) {
    Random random(searcher + 10);
    const filter::Program half = numbersBetween(0, kNumbers / 2), tenth = numbersBetween(100, 199), few = numbersBetween(7, 11), none = numbersBetween(5000, 6000);
    const filter::Program* const programs[] = {nullptr, &half, &tenth, &few, &none};
    while (!done_.load()) {
      const std::shared_ptr<Segment> segment = current();
      // Everything up to here is in the segment before its snapshot is taken.
      const uint64_t at = clock_.settled();
      const Snapshot snapshot = segment->snapshot();
      RowBitmap bitmap(snapshot.rows);
      uint32_t count = 0;
      CHECK_OK(matchingRows(snapshot, {at, 0}, nullptr, {}, bitmap.words(), count));
      EXPECT(count == clock_.rowsAt(at), std::to_string(count) + " rows at " + std::to_string(at));
      if (count > 0) {
        lookUp(random, snapshot, at);
        const FilterInput filter{programs[random.below(5)], {}};
        SearchInput input;
        input.fieldId = kVector;
        input.nq = 1 + random.below(4);
        input.queries = {reinterpret_cast<const uint8_t*>(queries_.data() + size_t{random.below(60)} * kDim), size_t{input.nq} * kDim * 4};
        input.k = 1 + random.below(20);
        // With a wider walk so few rows would rather be scanned.
        input.ef = 32;
        input.nprobe = 12;
        input.visibility = {at, 0};
        input.filter = &filter;
        if (random.chance(8)) {
          input.groupField = kNumber;
          input.groupSize = 2;
        } else if (random.chance(8)) {
          input.range = ScoreRange{12, 0, false};
        }
        compareWithExact(snapshot, input);
      }
      ++searches_;
      rest();
    }
  }

  void lookUp(Random& random, const Snapshot& snapshot, uint64_t at) const {
    // A hot key has a version at any time from the batch on that brought it first.
    const int64_t hot = -1 - static_cast<int64_t>(random.below(kAdders * kHotKeys));
    int32_t row = -1;
    CHECK_OK(snapshot.segment->lookup(keysOf({hot}), {at, 0}, &row));
    if (row < 0 || static_cast<uint32_t>(row) >= snapshot.rows) return;
    CHECK(snapshot.key()->integerAt(static_cast<uint32_t>(row)) == hot && snapshot.layout->begins[row] <= at);
    if (const ColumnView* late = snapshot.column(kLate); late != nullptr) CHECK(late->bytesAt(static_cast<uint32_t>(row)) == "late");
  }

  /// The same search over the same rows with whatever index there is and without.
  void compareWithExact(const Snapshot& snapshot, SearchInput input) {
    SearchOutput found, exact;
    CHECK_OK(search(snapshot, input, {}, found));
    if (found.wantsInterim) graphWanted_.store(true);
    input.exact = true;
    CHECK_OK(search(snapshot, input, {}, exact));
    RowBitmap matching(snapshot.rows);
    uint32_t matches = 0;
    CHECK_OK(matchingRows(snapshot, input.visibility, input.filter, {}, matching.words(), matches));
    CHECK(found.stats.visibleRows == matches && exact.stats.visibleRows == matches);
    for (const int32_t row : found.rows) EXPECT((matching.words()[row / 64] >> (row % 64) & 1) == 1, std::to_string(row));
    const bool walked = found.stats.path == SearchPath::graph || found.stats.path == SearchPath::lists;
    if (!input.range) EXPECT(found.rows.size() == exact.rows.size() || found.stats.path == SearchPath::lists);
    if (!walked) return;
    ++paths_[snapshot.segment->sealed() ? found.stats.path == SearchPath::lists ? 2 : 1 : 0];
    for (uint32_t q = 0; q < input.nq; ++q) {
      const auto begin = exact.rows.begin() + exact.starts[q], end = exact.rows.begin() + exact.starts[q + 1];
      walked_ += static_cast<uint64_t>(end - begin);
      for (int32_t i = found.starts[q]; i < found.starts[q + 1]; ++i) similar_ += std::find(begin, end, found.rows[static_cast<size_t>(i)]) != end;
    }
  }

  /// Adds slices when a search asked for it, as the server does.
  void growGraph() {
    InterimIndexes& interim = *growing_->interim();
    while (!done_.load()) {
      if (!graphWanted_.exchange(false) || !interim.claim()) {
        rest();
        continue;
      }
      for (bool more = true; more;) CHECK_OK(interim.advance(growing_->snapshot(), kVector, Metric::l2, {}, more));
      interim.release();
    }
  }

  void copyAndSeal() {
    for (uint32_t part = 1; part <= 4; ++part) {
      while (added_[0].load() < kBatches * part / 5 || added_[1].load() < kBatches * part / 5) rest();
      const uint64_t at = clock_.settled();
      const auto copy = sealedCopy(growing_->snapshot());
      RowBitmap bitmap(copy->rows());
      EXPECT(copy->visibleRows(copy->snapshot(), {at, 0}, bitmap.words()) == clock_.rowsAt(at));
    }
    while (added_[0].load() < kBatches || added_[1].load() < kBatches) rest();
    waitForSearches(paths_[0], 50);
    const auto copy = sealedCopy(growing_->snapshot());
    {
      const std::lock_guard lock(sealing_);
      sealed_ = copy;
    }
    isSealed_.store(true);
    // Deletes since the ends were collected; those that come now are applied to both.
    std::vector<Delete> deletes;
    {
      const std::lock_guard lock(deletesMutex_);
      deletes = deletes_;
    }
    for (const Delete& one : deletes) {
      const std::vector<uint64_t> times(one.keys.size(), one.at);
      std::vector<uint8_t> ended((one.keys.size() + 7) / 8);
      CHECK_OK(copy->applyDeletes(keysOf(one.keys), times.data(), ended.data()));
    }
    setCurrent(copy);
    const uint64_t before = searches_.load();
    while (searches_.load() < before + 20) rest();
    swapIndex(*copy, VectorIndexKind::hnsw, paths_[1]);
    swapIndex(*copy, VectorIndexKind::ivfSq8, paths_[2]);
    copy->detachIndex(kVector);
    done_.store(true);
  }

  void swapIndex(Segment& segment, VectorIndexKind kind, const std::atomic<uint64_t>& path) {
    VectorIndexInput input;
    input.fieldId = kVector;
    input.kind = kind;
    input.lists = 32;
    input.efConstruction = 60;
    input.threads = 2;
    std::shared_ptr<Buffer> file;
    CHECK_OK(buildVectorIndex(segment.snapshot(), input, {}, nullptr, file));
    CHECK_OK(segment.attachIndex(kVector, file));
    waitForSearches(path, 50);
  }

  static void waitForSearches(const std::atomic<uint64_t>& path, uint64_t wanted) {
    while (path.load() < wanted) rest();
  }

  const std::vector<float> vectors_, queries_;
  Clock clock_{kAdders + kDeleters};
  std::shared_ptr<Segment> sealed_;
  std::shared_ptr<GrowingSegment> growing_;
  std::shared_mutex sealing_;  // guards sealed_
  mutable std::mutex currentMutex_;
  std::shared_ptr<Segment> current_;
  std::mutex deletesMutex_;
  std::vector<Delete> deletes_;
  std::atomic<uint32_t> added_[kAdders]{};
  std::atomic<uint64_t> searches_{0}, walked_{0}, similar_{0};
  /// Searches by the growing graph, the finished one and lists.
  std::atomic<uint64_t> paths_[3]{};
  std::atomic<bool> graphWanted_{false}, isSealed_{false}, done_{false};
};

}  // namespace

int main() {
  run("a segment is added to, deleted from, searched, copied, sealed and indexed at once", [] { World().run(); });
  return 0;
}
