// Hostile bytes against what the segment layer reads: filter programs, row batches, key indexes, scalar indexes, sealed files. The first
// byte of an input chooses.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "../src/filter/program.h"
#include "../src/filter/scalar-index.h"
#include "../src/filter/vm.h"
#include "../src/segment/bitmap.h"
#include "../src/segment/gather.h"
#include "../src/segment/read.h"
#include "../src/segment/segment.h"
#include "../test/batch-builder.h"
#include "driver.h"

using namespace redkite;
using namespace redkite::segment;
using redkite::test::BatchBuilder;

namespace {

constexpr uint32_t kRows = 150;
constexpr uint32_t kKey = 100, kNumber = 101, kText = 102, kDouble = 103, kFlag = 104;

Field field(uint32_t id, Type type) {
  Field f;
  f.id = id;
  f.type = type;
  f.isKey = id == kKey;
  return f;
}

std::vector<Field> fields() {
  return {field(kKey, Type::int64), field(kNumber, Type::int32), field(kText, Type::varchar), field(kDouble, Type::float64), field(kFlag, Type::boolean)};
}

std::vector<uint8_t> sampleBatch(uint32_t rows) {
  std::vector<int64_t> keys;
  std::vector<int32_t> numbers;
  std::vector<std::string> texts;
  std::vector<double> doubles;
  std::vector<uint8_t> flags, validity((rows + 7) / 8, 0xdb);
  for (uint32_t i = 0; i < rows; i++) {
    keys.push_back(i % 40);
    numbers.push_back(static_cast<int32_t>(i) - 70);
    texts.push_back("text " + std::to_string(i % 17));
    doubles.push_back(i * 0.5);
    flags.push_back(i & 1);
  }
  return BatchBuilder(rows)
      .fixed(kKey, Type::int64, keys)
      .fixed(kNumber, Type::int32, numbers, 0, validity)
      .texts(kText, Type::varchar, texts)
      .fixed(kDouble, Type::float64, doubles)
      .fixed(kFlag, Type::boolean, flags)
      .encode();
}

/** The segment that programs run over and indexes claim to belong to. */
const GrowingSegment& world() {
  static const std::shared_ptr<GrowingSegment> segment = [] {
    std::shared_ptr<GrowingSegment> made;
    CHECK_OK(GrowingSegment::create(fields(), kRows, 1, made));
    CHECK_OK(made->append(sampleBatch(kRows), 1));
    return made;
  }();
  return *segment;
}

void runProgram(std::span<const uint8_t> bytes) {
  filter::Program program;
  if (!filter::Program::parse(bytes, 1, program).ok()) return;
  // Bounds what one input may cost, as a deadline would.
  if (program.instructions().size() > 4096) return;
  const std::vector<uint64_t> bits(wordsFor(kRows), 0x5555555555555555ull);
  const filter::External external{bits.data(), bits.data(), wordsFor(kRows)};
  std::vector<uint64_t> rows(wordsFor(kRows), ~uint64_t{0});
  rows.back() = lastWordMask(kRows);
  const Status status = filter::run(program, world().snapshot(), {&external, 1}, {}, rows.data());
  if (status.ok()) CHECK((rows.back() & ~lastWordMask(kRows)) == 0);
}

void appendBatch(std::span<const uint8_t> bytes) {
  std::shared_ptr<GrowingSegment> segment;
  CHECK_OK(GrowingSegment::create(fields(), 1000, 1, segment));
  const bool taken = segment->append(bytes, 5).ok();
  CHECK(taken || segment->rows() == 0);
  const Snapshot snapshot = segment->snapshot();
  std::vector<int32_t> found;
  CHECK_OK(retrieve(snapshot, {10, 0}, nullptr, 5, Order::key, {}, found));
  for (const ColumnView& column : snapshot.layout->columns) fieldStats(column, snapshot.rows);
}

/** Copies to memory as aligned as a file mapping is. */
std::shared_ptr<Buffer> aligned(std::span<const uint8_t> bytes) {
  std::shared_ptr<Buffer> out;
  CHECK_OK(Buffer::allocate(bytes.size(), out));
  if (!bytes.empty()) std::memcpy(out->writable(), bytes.data(), bytes.size());
  return out;
}

void openKeyIndex(std::span<const uint8_t> bytes) {
  const auto file = aligned(bytes);
  const Snapshot snapshot = world().snapshot();
  KeyIndex index;
  if (!KeyIndex::open({file->data(), file->size()}, kRows, false, index).ok()) return;
  for (int64_t key = -5; key < 45; key++) {
    KeysView one;
    one.count = 1;
    one.values = &key;
    index.find(*snapshot.key(), one, 0, [](uint32_t row) {
      CHECK(row < kRows);
      return true;
    });
  }
}

void openScalarIndex(std::span<const uint8_t> bytes) {
  const auto file = aligned(bytes);
  filter::ScalarIndex index;
  if (!filter::ScalarIndex::open({file->data(), file->size()}, index).ok() || index.rows() != kRows) return;
  const Snapshot snapshot = world().snapshot();
  for (const ColumnView& column : snapshot.layout->columns) {
    if (column.field.type != index.type()) continue;
    std::vector<uint64_t> words(wordsFor(kRows));
    filter::Predicate predicate;
    if (isString(index.type())) {
      filter::StringRange range;
      range.hasLow = true;
      range.low = "text 3";
      predicate.test = range;
    } else if (isFloat(index.type())) {
      predicate.test = filter::FloatRange{1, 20};
    } else {
      predicate.test = filter::IntegerRange{-3, 12};
    }
    index.answer(predicate, column, words.data());
  }
}

/** Where the parts of the sealed sample lie in its file. */
struct SealedLayout {
  std::vector<SealedColumn> columns;
  FileRange timestamps, keyIndex, ends;
  std::vector<uint8_t> bytes;
};

SealedLayout sealedSample() {
  SealedLayout out;
  const Snapshot snapshot = world().snapshot();
  const auto place = [&](uint64_t bytes) {
    FileRange range{nullptr, alignUp(out.bytes.size()), bytes};
    out.bytes.resize(range.offset + bytes);
    return range;
  };
  for (const ColumnView& view : snapshot.layout->columns) {
    const ColumnShape shape = measurePrefix(view, kRows);
    SealedColumn column;
    column.field = view.field;
    if (shape.validity > 0) column.validity = place(shape.validity);
    if (shape.offsets > 0) column.offsets = place(shape.offsets);
    column.values = place(shape.values);
    ColumnTarget target;
    target.validity = column.validity ? out.bytes.data() + column.validity->offset : nullptr;
    target.offsets = column.offsets ? reinterpret_cast<int32_t*>(out.bytes.data() + column.offsets->offset) : nullptr;
    target.values = out.bytes.data() + column.values.offset;
    copyPrefix(view, kRows, target);
    out.columns.push_back(column);
  }
  out.timestamps = place(kRows * 8);
  std::memcpy(out.bytes.data() + out.timestamps.offset, snapshot.layout->begins, kRows * 8);
  std::shared_ptr<Buffer> index;
  CHECK_OK(buildKeyIndex(*snapshot.key(), kRows, index));
  out.keyIndex = place(index->size());
  std::memcpy(out.bytes.data() + out.keyIndex.offset, index->data(), index->size());
  out.ends = place(8 + 16);
  const uint32_t rows[] = {3, 77};
  const uint64_t times[] = {5, 6};
  std::memcpy(out.bytes.data() + out.ends.offset, rows, 8);
  std::memcpy(out.bytes.data() + out.ends.offset + 8, times, 16);
  return out;
}

void openSealed(std::span<const uint8_t> bytes) {
  static const SealedLayout layout = sealedSample();
  const auto file = aligned(bytes);
  const auto within = [&](FileRange range) {
    range.file = file;
    return range;
  };
  SealedInput input;
  input.rows = kRows;
  for (SealedColumn column : layout.columns) {
    column.file = file;
    if (column.validity) column.validity = within(*column.validity);
    if (column.offsets) column.offsets = within(*column.offsets);
    column.values = within(column.values);
    input.columns.push_back(column);
  }
  input.timestamps = within(layout.timestamps);
  input.keyIndex = within(layout.keyIndex);
  input.ends = within(layout.ends);
  input.endCount = 2;
  std::shared_ptr<SealedSegment> segment;
  if (!SealedSegment::open(input, segment).ok()) return;
  const Snapshot snapshot = segment->snapshot();
  std::vector<int32_t> found;
  CHECK_OK(retrieve(snapshot, {~uint64_t{0}, 0}, nullptr, -1, Order::key, {}, found));
  for (const ColumnView& column : snapshot.layout->columns) {
    fieldStats(column, snapshot.rows);
    ColumnShape shape;
    CHECK_OK(measureRows(column, found, shape));
    std::vector<uint8_t> validity(shape.validity), values(shape.values);
    std::vector<int32_t> offsets(shape.offsets / 4);
    copyRows(column, found, {shape.validity > 0 ? validity.data() : nullptr, offsets.data(), nullptr, values.data()});
  }
  const int64_t key = 7;
  KeysView one;
  one.count = 1;
  one.values = &key;
  int32_t row = -1;
  CHECK_OK(segment->lookup(one, {100, 0}, &row));
  CHECK(row >= -1 && row < static_cast<int32_t>(kRows));
}

/** A program with every operation, by the document. */
std::vector<uint8_t> sampleProgram() {
  std::vector<uint8_t> pool, operations;
  uint32_t count = 0;
  const auto constant = [&](const std::string& bytes) {
    const auto at = static_cast<uint32_t>(pool.size());
    pool.insert(pool.end(), bytes.begin(), bytes.end());
    pool.resize((pool.size() + 7) / 8 * 8);
    return std::pair<uint32_t, uint32_t>{at, static_cast<uint32_t>(bytes.size())};
  };
  const auto raw = [](auto... values) {
    std::string out;
    (out.append(reinterpret_cast<const char*>(&values), sizeof values), ...);
    return out;
  };
  const auto add = [&](uint8_t op, uint8_t variant, uint8_t flags, uint16_t to, uint16_t a, uint16_t b, uint16_t kind, uint32_t id, uint32_t second,
                       const std::string& bytes) {
    const auto [at, length] = constant(bytes);
    std::string d = raw(op, variant, static_cast<uint8_t>(op == 9 ? 3 : 0), flags, to, a, b, kind, id, second, at, length, uint32_t{0});
    operations.insert(operations.end(), d.begin(), d.end());
    count++;
  };
  add(0, 0, 0, 0, 1, 0, 0, 0, 0, "");
  add(4, 2, 0, 1, 0, 0, 1, kNumber, 0, raw(int64_t{20}));
  add(5, 0, 3, 2, 0, 0, 2, kDouble, 0, raw(1.0, 50.0));
  add(6, 0, 0, 3, 0, 0, 5, kKey, 0, raw(int64_t{1}, int64_t{7}, int64_t{900}, int64_t{100000}, int64_t{10000000}));
  add(7, 0, 0, 4, 0, 0, 3, kText, 0, std::string("\x01", 1) + raw(uint8_t{0}, uint32_t{2}) + "t " + std::string("\x02\x01", 2));
  add(8, 0, 0, 5, 0, 0, 0, kNumber, 0, "");
  add(9, 0, 0, 6, 0, 0, 1, kNumber, 0, raw(int64_t{3}, int64_t{9}));
  add(10, 4, 0, 7, 0, 0, 0, kKey, kDouble, "");
  add(11, 0, 0, 8, 0, 0, 0, 0, 0, "");
  add(12, 0, 0, 9, 0, 0, 0, kFlag, 0, "");
  add(4, 0, 0, 10, 0, 0, 3, kText, 0, "text 5");
  add(6, 0, 0, 11, 0, 0, 7, kText, 0, raw(uint32_t{2}, uint32_t{0}, uint32_t{6}, uint32_t{12}) + "text 1text 2");
  add(5, 0, 1, 12, 0, 0, 3, kText, 0, raw(uint32_t{4}) + "texttext 9");
  for (uint16_t r = 1; r <= 12; r++) add(r % 2 == 0 ? 1 : 2, 0, 0, 0, 0, r, 0, 0, 0, "");
  add(3, 0, 0, 0, 0, 0, 0, 0, 0, "");
  std::string head = "RKFP" + raw(uint16_t{1}, uint16_t{13}, count, static_cast<uint32_t>(pool.size()));
  std::vector<uint8_t> out(head.begin(), head.end());
  out.insert(out.end(), operations.begin(), operations.end());
  out.insert(out.end(), pool.begin(), pool.end());
  return out;
}

redkite::fuzz::Samples samples() {
  redkite::fuzz::Samples out;
  const auto add = [&](uint8_t kind, std::span<const uint8_t> bytes) {
    out.emplace_back(1, kind);
    out.back().insert(out.back().end(), bytes.begin(), bytes.end());
  };
  const Snapshot snapshot = world().snapshot();
  filter::Program program;
  const filter::External none{};
  std::vector<uint64_t> rows(wordsFor(kRows), ~uint64_t{0});
  CHECK_OK(filter::Program::parse(sampleProgram(), 1, program));
  CHECK_OK(filter::run(program, snapshot, {&none, 1}, {}, rows.data()));
  add(0, sampleProgram());
  add(4, sealedSample().bytes);
  add(1, sampleBatch(20));
  std::shared_ptr<Buffer> file;
  CHECK_OK(buildKeyIndex(*snapshot.key(), kRows, file));
  add(2, {file->data(), file->size()});
  for (const uint32_t id : {kNumber, kText, kDouble}) {
    for (const auto kind : {filter::ScalarIndexKind::sorted, filter::ScalarIndexKind::bitmap}) {
      CHECK_OK(filter::buildScalarIndex(*snapshot.column(id), kRows, kind, {}, nullptr, file));
      add(3, {file->data(), file->size()});
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  // A copy of exactly this size, so that a sanitizer sees one byte too far.
  const std::vector<uint8_t> bytes(data + 1, data + size);
  switch (data[0] % 5) {
    case 0:
      runProgram(bytes);
      break;
    case 1:
      appendBatch(bytes);
      break;
    case 2:
      openKeyIndex(bytes);
      break;
    case 3:
      openScalarIndex(bytes);
      break;
    default:
      openSealed(bytes);
  }
  return 0;
}

#if !defined(REDKITE_LIBFUZZER)
int main(int argc, char** argv) { return redkite::fuzz::drive(argc, argv, samples(), 256); }
#endif
