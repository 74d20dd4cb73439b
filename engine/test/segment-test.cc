// Segments under threads, key indexes, and what the contract suite in TypeScript cannot see. Run it under the sanitizers too.
#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "../src/segment/read.h"
#include "../src/segment/segment.h"
#include "batch-builder.h"
#include "check.h"

using namespace redkite;
using namespace redkite::segment;
using redkite::test::BatchBuilder;
using redkite::test::Random;

namespace {

constexpr uint32_t kKey = 100, kNumber = 101, kText = 102, kVector = 103;
constexpr uint32_t kDim = 4;

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

/** Rows with keys [first, first + rows); a text tells its row's key, every fifth number is null. */
std::vector<uint8_t> batchOf(int64_t first, uint32_t rows) {
  std::vector<int64_t> keys, numbers;
  std::vector<std::string> texts;
  std::vector<float> vectors;
  std::vector<uint8_t> validity((rows + 7) / 8);
  for (uint32_t i = 0; i < rows; i++) {
    const int64_t key = first + i;
    keys.push_back(key);
    numbers.push_back(key * 3);
    texts.push_back("row " + std::to_string(key));
    for (uint32_t d = 0; d < kDim; d++) vectors.push_back(static_cast<float>(key + d));
    if (key % 5 != 0) validity[i / 8] = static_cast<uint8_t>(validity[i / 8] | 1u << (i % 8));
  }
  return BatchBuilder(rows)
      .fixed(kKey, Type::int64, keys)
      .fixed(kNumber, Type::int64, numbers, 0, validity)
      .texts(kText, Type::varchar, texts)
      .fixed(kVector, Type::floatVector, vectors, kDim)
      .encode();
}

KeysView keysOf(const std::vector<int64_t>& keys) {
  KeysView view;
  view.count = static_cast<uint32_t>(keys.size());
  view.values = keys.data();
  return view;
}

uint32_t countAt(const Segment& segment, uint64_t at) {
  const Snapshot snapshot = segment.snapshot();
  RowBitmap bitmap(snapshot.rows);
  uint32_t count = 0;
  CHECK_OK(matchingRows(snapshot, {at, 0}, nullptr, {}, bitmap.words(), count));
  return count;
}

/**
 * Step s appends kBatch rows at 10 s and, at 10 s + 5, deletes kDeleted keys of the step before. So what is visible at the end of
 * each step is known, and readers check it while later steps run. The segment is small enough for its buffers to move often.
 */
constexpr uint32_t kBatch = 37, kDeleted = 5, kSteps = 400;

void readersSeeWholeStepsWhileOneThreadWrites() {
  std::shared_ptr<GrowingSegment> segment;
  CHECK_OK(GrowingSegment::create(fields(), kBatch * kSteps, 7, segment));
  std::atomic<uint32_t> finished{0};
  std::thread writer([&] {
    for (uint32_t step = 1; step <= kSteps; step++) {
      CHECK_OK(segment->append(batchOf(int64_t{step} * kBatch, kBatch), step * 10));
      if (step > 1) {
        std::vector<int64_t> keys;
        for (uint32_t i = 0; i < kDeleted; i++) keys.push_back(int64_t{step - 1} * kBatch + i);
        const std::vector<uint64_t> times(keys.size(), step * 10 + 5);
        uint8_t ended = 0;
        CHECK_OK(segment->applyDeletes(keysOf(keys), times.data(), &ended));
        CHECK(ended == (1u << kDeleted) - 1);
      }
      if (step == kSteps / 2) {
        Field later;
        later.id = 200;
        later.type = Type::varchar;
        later.defaultValue = "default";
        CHECK_OK(segment->addMissingField(later));
      }
      finished.store(step, std::memory_order_release);
    }
  });
  const auto read = [&](uint64_t seed) {
    Random random(seed);
    for (uint32_t last = 0; last < kSteps;) {
      last = finished.load(std::memory_order_acquire);
      if (last == 0) continue;
      const uint32_t step = 1 + random.below(last);
      // Just after the step's rows, before its deletes; and after both.
      CHECK(countAt(*segment, step * 10) == step * kBatch - (step < 2 ? 0 : (step - 2) * kDeleted));
      CHECK(countAt(*segment, step * 10 + 9) == step * kBatch - (step - 1) * kDeleted);
      // A batch is there whole or not at all.
      CHECK(segment->rows() % kBatch == 0);

      const int64_t key = int64_t{step} * kBatch + random.below(kBatch);
      int32_t row = -1;
      CHECK_OK(segment->lookup(keysOf({key}), {step * 10, 0}, &row));
      CHECK(row == static_cast<int32_t>((step - 1) * kBatch + key - int64_t{step} * kBatch));
      const Snapshot snapshot = segment->snapshot();
      const auto at = static_cast<uint32_t>(row);
      CHECK(snapshot.column(kText)->bytesAt(at) == "row " + std::to_string(key));
      CHECK(snapshot.column(kNumber)->isNull(at) == (key % 5 == 0));
      if (const ColumnView* later = snapshot.column(200); later != nullptr) CHECK(later->bytesAt(at) == "default");

      std::vector<float> query;
      for (uint32_t d = 0; d < kDim; d++) query.push_back(static_cast<float>(key + d));
      SearchInput input;
      input.fieldId = kVector;
      input.nq = 1;
      input.queries = {reinterpret_cast<const uint8_t*>(query.data()), kDim * 4};
      input.k = 3;
      input.visibility = {step * 10, 0};
      SearchOutput out;
      CHECK_OK(search(snapshot, input, {}, out));
      CHECK(out.rows.size() == 3 && out.rows[0] == row && out.scores[0] == 0);
    }
  };
  std::thread one(read, 1), two(read, 2);
  writer.join();
  one.join();
  two.join();
  CHECK(segment->endedRows(~uint64_t{0} - 1) == (kSteps - 1) * kDeleted);
}

void keysOfManyVersionsAreFoundAndDeletedFast() {
  std::shared_ptr<GrowingSegment> segment;
  constexpr uint32_t versions = 60000;
  CHECK_OK(GrowingSegment::create(fields(), versions, 7, segment));
  const std::vector<int64_t> key{42};
  // Quadratic work would take minutes here.
  for (uint32_t i = 1; i <= versions; i++) {
    const uint64_t at = i;
    uint8_t ended = 0;
    CHECK_OK(segment->applyDeletes(keysOf(key), &at, &ended));
    CHECK((ended == 1) == (i > 1));
    CHECK_OK(segment->append(batchOf(42, 1), at));
  }
  int32_t row = -1;
  CHECK_OK(segment->lookup(keysOf(key), {versions, 0}, &row));
  CHECK(row == static_cast<int32_t>(versions) - 1);
  CHECK_OK(segment->lookup(keysOf(key), {10, 0}, &row));
  CHECK(row == 9);
  CHECK(countAt(*segment, versions) == 1);
}

void keyIndexFindsEveryRowOfEveryKey() {
  Random random(3);
  for (const uint32_t rows : {0u, 1u, 2u, 17u, 64u, 1000u, 5000u}) {
    for (const bool varchar : {false, true}) {
      const uint32_t distinct = rows / 2 + 1;
      std::vector<int64_t> numbers;
      std::vector<int32_t> offsets{0};
      std::string bytes;
      std::map<int64_t, std::vector<uint32_t>> expected;
      for (uint32_t row = 0; row < rows; row++) {
        const int64_t key = static_cast<int64_t>(random.below(distinct)) - distinct / 2;
        numbers.push_back(key);
        bytes += std::to_string(key);
        offsets.push_back(static_cast<int32_t>(bytes.size()));
        expected[key].push_back(row);
      }
      ColumnView column;
      column.kind = varchar ? Kind::bytes : Kind::fixed;
      column.field.type = varchar ? Type::varchar : Type::int64;
      column.width = varchar ? 0 : 8;
      column.values = varchar ? reinterpret_cast<const uint8_t*>(bytes.data()) : reinterpret_cast<const uint8_t*>(numbers.data());
      column.offsets = offsets.data();
      std::shared_ptr<Buffer> file;
      CHECK_OK(buildKeyIndex(column, rows, file));
      KeyIndex index;
      CHECK_OK(KeyIndex::open({file->data(), file->size()}, rows, varchar, index));
      for (int64_t key = -static_cast<int64_t>(distinct); key <= static_cast<int64_t>(distinct); key++) {
        const std::string text = std::to_string(key);
        const int32_t ends[] = {0, static_cast<int32_t>(text.size())};
        KeysView one;
        one.count = 1;
        one.varchar = varchar;
        one.values = &key;
        one.offsets = ends;
        one.bytes = reinterpret_cast<const uint8_t*>(text.data());
        std::vector<uint32_t> found;
        index.find(column, one, 0, [&](uint32_t row) {
          found.push_back(row);
          return true;
        });
        CHECK(found == expected[key]);
      }
      if (rows > 0) CHECK(!KeyIndex::open({file->data(), file->size()}, rows, !varchar, index).ok());
      CHECK(!KeyIndex::open({file->data(), file->size() - 64}, rows, varchar, index).ok());
    }
  }
}

void failedAppendsChangeNothing() {
  std::shared_ptr<GrowingSegment> segment;
  CHECK_OK(GrowingSegment::create(fields(), 50, 7, segment));
  CHECK_OK(segment->append(batchOf(0, 40), 1));
  CHECK(!segment->append(batchOf(40, 11), 2).ok());
  CHECK(!segment->append(BatchBuilder(1).texts(kText, Type::varchar, {"no key"}).encode(), 2).ok());
  std::vector<uint8_t> cut = batchOf(40, 5);
  cut.pop_back();
  CHECK(!segment->append(cut, 2).ok());
  CHECK(segment->rows() == 40 && countAt(*segment, 100) == 40);
  CHECK_OK(segment->append(batchOf(40, 10), 3));
  CHECK(segment->rows() == 50 && countAt(*segment, 100) == 50);
}

void variableColumnsMoveAndKeepTheirRows() {
  std::shared_ptr<GrowingSegment> segment;
  CHECK_OK(GrowingSegment::create(fields(), 200, 7, segment));
  const Snapshot before = segment->snapshot();
  // Past the first reservation of 64 MiB, so that the column moves while the old snapshot still reads its place.
  CHECK_OK(segment->append(batchOf(0, 10), 1));
  const Snapshot early = segment->snapshot();
  for (int64_t key = 10; key < 100; key += 10) {
    std::vector<int64_t> keys;
    std::vector<std::string> texts;
    std::vector<float> vectors(10 * kDim);
    for (int64_t i = 0; i < 10; i++) {
      keys.push_back(key + i);
      texts.emplace_back(1 << 20, static_cast<char>('a' + i));
    }
    CHECK_OK(segment->append(
        BatchBuilder(10).fixed(kKey, Type::int64, keys).texts(kText, Type::varchar, texts).fixed(kVector, Type::floatVector, vectors, kDim).encode(), 2));
  }
  CHECK(before.rows == 0 && early.rows == 10);
  CHECK(early.column(kText)->bytesAt(3) == "row 3");
  const Snapshot late = segment->snapshot();
  CHECK(late.column(kText)->bytesAt(3) == "row 3" && late.column(kText)->bytesAt(95) == std::string(1 << 20, 'f'));
  CHECK(late.column(kNumber)->isNull(95) && !late.column(kNumber)->isNull(3));
}

}  // namespace

int main() {
  using redkite::test::run;
  run("readers see whole steps while one thread writes", readersSeeWholeStepsWhileOneThreadWrites);
  run("keys of many versions are found and deleted fast", keysOfManyVersionsAreFoundAndDeletedFast);
  run("the key index finds every row of every key", keyIndexFindsEveryRowOfEveryKey);
  run("failed appends change nothing", failedAppendsChangeNothing);
  run("variable columns move and keep their rows", variableColumnsMoveAndKeepTheirRows);
}
