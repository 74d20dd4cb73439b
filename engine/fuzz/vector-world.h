// A small segment with every kind of vector, an index of every kind over it, and searches made of an input's bytes.
#pragma once

#include <cmath>
#include <cstring>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../src/segment/bitmap.h"
#include "../src/segment/read.h"
#include "../src/segment/segment.h"
#include "../test/batch-builder.h"
#include "../test/check.h"

namespace redkite::fuzz {

inline constexpr uint32_t kVectorRows = 240;
inline constexpr uint32_t kKeyField = 100, kGroupField = 101, kFloats = 110, kBytes = 111, kBits = 112, kSparse = 113;

struct IndexSample {
  uint32_t fieldId;
  Metric metric;
  std::shared_ptr<segment::Buffer> file;
};

struct VectorWorld {
  std::shared_ptr<segment::GrowingSegment> segment;
  std::vector<IndexSample> indexes;
  MinHash minHash{2, 2, true};
};

inline std::vector<uint8_t> vectorBatch() {
  test::Random random(3);
  std::vector<int64_t> keys;
  std::vector<int32_t> groups;
  std::vector<float> floats;
  std::vector<int8_t> bytes;
  std::vector<uint8_t> bits, validity((kVectorRows + 7) / 8, 0xef);
  std::vector<std::string> sparse;
  for (uint32_t row = 0; row < kVectorRows; row++) {
    keys.push_back(row);
    groups.push_back(static_cast<int32_t>(row % 7));
    const uint32_t family = random.below(12);
    for (uint32_t d = 0; d < 16; d++) {
      floats.push_back(static_cast<float>(random.below(2000)) / 1000 - 1 + static_cast<float>((family * 7 + d) % 5));
      bytes.push_back(static_cast<int8_t>(random.next()));
    }
    for (uint32_t b = 0; b < 8; b++) bits.push_back(static_cast<uint8_t>(random.chance(3) ? random.next() : family * 17 + b));
    std::string pairs;
    for (uint32_t index = random.below(9); index < 60; index += 1 + random.below(20)) {
      const float value = static_cast<float>(random.below(100)) / 10;
      pairs.append(reinterpret_cast<const char*>(&index), 4).append(reinterpret_cast<const char*>(&value), 4);
    }
    sparse.push_back(pairs);
  }
  using segment::Type;
  return test::BatchBuilder(kVectorRows)
      .fixed(kKeyField, Type::int64, keys)
      .fixed(kGroupField, Type::int32, groups)
      .fixed(kFloats, Type::floatVector, floats, 16, validity)
      .fixed(kBytes, Type::int8Vector, bytes, 16)
      .fixed(kBits, Type::binaryVector, bits, 64)
      .texts(kSparse, Type::sparseVector, sparse)
      .encode();
}

inline std::vector<segment::Field> vectorFields() {
  const auto field = [](uint32_t id, segment::Type type, uint32_t dim) {
    segment::Field f;
    f.id = id;
    f.type = type;
    f.dim = dim;
    f.isKey = id == kKeyField;
    f.nullable = id == kFloats;
    return f;
  };
  using segment::Type;
  return {field(kKeyField, Type::int64, 0),      field(kGroupField, Type::int32, 0),  field(kFloats, Type::floatVector, 16),
          field(kBytes, Type::int8Vector, 16), field(kBits, Type::binaryVector, 64), field(kSparse, Type::sparseVector, 0)};
}

inline const VectorWorld& vectorWorld() {
  static const VectorWorld world = [] {
    VectorWorld made;
    CHECK_OK(segment::GrowingSegment::create(vectorFields(), kVectorRows, 1, made.segment));
    CHECK_OK(made.segment->append(vectorBatch(), 1));
    using Kind = segment::VectorIndexKind;
    const auto add = [&](uint32_t fieldId, Metric metric, Kind kind) {
      segment::VectorIndexInput input;
      input.fieldId = fieldId;
      input.metric = metric;
      input.kind = kind;
      input.m = 6;
      input.efConstruction = 20;
      input.lists = 5;
      input.subs = 8;
      input.nbits = kind == Kind::hnswProduct ? 4 : 8;
      input.elementBytes = made.minHash.elementBytes;
      input.bands = made.minHash.bands;
      std::shared_ptr<segment::Buffer> file;
      CHECK_OK(buildVectorIndex(made.segment->snapshot(), input, {}, nullptr, file));
      made.indexes.push_back({fieldId, metric, file});
    };
    for (const Kind kind : {Kind::flat, Kind::hnsw, Kind::hnswSq, Kind::hnswProduct, Kind::ivfFlat, Kind::ivfSq8, Kind::ivfPq, Kind::scann, Kind::ivfRabitq, Kind::disk}) {
      add(kFloats, Metric::l2, kind);
    }
    add(kFloats, Metric::cosine, Kind::ivfFlat);
    add(kBytes, Metric::ip, Kind::hnsw);
    add(kBytes, Metric::cosine, Kind::disk);
    add(kBits, Metric::jaccard, Kind::hnsw);
    add(kBits, Metric::hamming, Kind::binIvfFlat);
    add(kBits, Metric::mhjaccard, Kind::minHash);
    add(kSparse, Metric::ip, Kind::sparse);
    add(kSparse, Metric::bm25, Kind::sparse);
    return made;
  }();
  return world;
}

/// Bytes of an input that make a search.
inline constexpr uint32_t kAskedBytes = 64;

/** A search as an input's bytes ask for it; whatever is out of range is for the engine to refuse. */
struct Asked {
  segment::SearchInput input;
  std::vector<uint8_t> queries;
  std::vector<int32_t> offsets;

  Asked(const uint8_t* from, uint32_t fieldId, Metric metric) {
    const auto take = [&]<typename T>(T) {
      T value;
      std::memcpy(&value, from, sizeof value);
      from += sizeof value;
      return value;
    };
    const uint8_t flags = take(uint8_t{});
    input.fieldId = fieldId;
    input.metric = metric;
    input.nq = take(uint8_t{}) % 5;
    input.k = take(uint32_t{});
    input.ef = take(uint32_t{}) % 100'000;
    input.nprobe = take(uint32_t{});
    input.refineRows = take(uint32_t{});
    input.recallTarget = take(float{});
    input.dropRatio = take(float{});
    const float radius = take(float{}), rangeFilter = take(float{});
    if ((flags & 1) != 0) input.range = ScoreRange{radius, rangeFilter, (flags & 2) != 0};
    input.groupSize = take(uint32_t{});
    if ((flags & 4) != 0) input.groupField = kGroupField;
    input.exact = (flags & 8) != 0;
    input.minHash = {take(uint8_t{}), take(uint8_t{}), (flags & 16) != 0};
    input.visibility = {take(uint8_t{}) % 4u, 0};
    const float k1 = static_cast<float>(take(uint8_t{})) / 64, b = static_cast<float>(take(uint8_t{})) / 200;
    input.bm25 = {k1, b, take(float{})};
    const uint32_t width = fieldId == kFloats ? 64 : fieldId == kBytes ? 16 : fieldId == kBits ? 8 : 16;
    // The queries are the last bytes, over and over; pairs of a sparse one ascend so that it is one.
    for (uint32_t i = 0; i < input.nq * width; i++) queries.push_back(static_cast<uint8_t>(from[i % 16] + ((flags & 32) != 0 ? i : 0)));
    if (fieldId == kSparse) {
      for (uint32_t q = 0; q < input.nq; q++) {
        const uint32_t indices[] = {q, q + 20};
        for (uint32_t pair = 0; pair < 2; pair++) std::memcpy(queries.data() + q * width + pair * 8, &indices[pair], 4);
      }
      for (uint32_t q = 0; q <= input.nq; q++) offsets.push_back(static_cast<int32_t>(q * width));
      input.queryOffsets = offsets;
    }
    input.queries = queries;
  }
};

inline std::vector<uint8_t> sampleAsked(uint32_t variant, const MinHash& minHash) {
  std::vector<uint8_t> out(kAskedBytes);
  size_t at = 0;
  const auto put = [&](auto value) {
    std::memcpy(out.data() + at, &value, sizeof value);
    at += sizeof value;
  };
  put(static_cast<uint8_t>(variant * 37));
  put(uint8_t{2});
  put(uint32_t{5 + variant * 20});
  put(uint32_t{20});
  put(uint32_t{2});
  put(uint32_t{variant % 2 == 0 ? 0u : 30u});
  put(variant % 3 == 2 ? 0.9f : 0.0f);
  put(0.0f);
  put(variant % 2 == 0 ? 0.3f : 20.0f);
  put(0.1f);
  put(uint32_t{2});
  put(static_cast<uint8_t>(minHash.elementBytes));
  put(static_cast<uint8_t>(minHash.bands));
  put(uint8_t{3});
  put(uint8_t{77});
  put(uint8_t{150});
  put(30.0f);
  for (; at < kAskedBytes; at++) out[at] = static_cast<uint8_t>(at * 3);
  return out;
}

/// Inputs that ask every index some searches: `head` gives the two bytes before a search of an index and a variant, `tail` what follows it.
template <typename Head, typename Tail>
std::vector<std::vector<uint8_t>> inputsOfEveryIndex(uint32_t variants, Head head, Tail tail) {
  std::vector<std::vector<uint8_t>> out;
  const VectorWorld& world = vectorWorld();
  for (uint32_t i = 0; i < world.indexes.size(); i++) {
    for (uint32_t variant = 0; variant < variants; variant++) {
      const std::pair<uint8_t, uint8_t> first = head(i, variant);
      std::vector<uint8_t> input{first.first, first.second};
      const std::vector<uint8_t> asked = sampleAsked(variant, world.minHash);
      const std::span<const uint8_t> last = tail(world.indexes[i]);
      input.insert(input.end(), asked.begin(), asked.end());
      input.insert(input.end(), last.begin(), last.end());
      out.push_back(std::move(input));
    }
  }
  return out;
}

/** A damaged file may name one row twice; whatever it says, hits are visible rows. */
enum class File : uint8_t { whole, damaged };

/** What every answer holds to, whatever was asked. */
inline void checkAnswer(const segment::Snapshot& snapshot, const segment::SearchInput& asked, const segment::SearchOutput& out, File file) {
  CHECK(out.starts.size() == size_t{asked.nq} + 1 && out.starts[0] == 0);
  CHECK(out.rows.size() == out.scores.size() && static_cast<size_t>(out.starts[asked.nq]) == out.rows.size());
  segment::RowBitmap visible(snapshot.rows);
  uint32_t count = 0;
  CHECK_OK(matchingRows(snapshot, asked.visibility, nullptr, {}, visible.words(), count));
  const segment::ColumnView* column = snapshot.column(asked.fieldId);
  const uint64_t most = uint64_t{asked.k} * (asked.groupField ? asked.groupSize : 1);
  for (uint32_t q = 0; q < asked.nq; q++) {
    CHECK(out.starts[q] <= out.starts[q + 1] && static_cast<uint64_t>(out.starts[q + 1] - out.starts[q]) <= most);
    std::set<int32_t> seen;
    for (int32_t i = out.starts[q]; i < out.starts[q + 1]; i++) {
      const int32_t row = out.rows[static_cast<size_t>(i)];
      CHECK(row >= 0 && static_cast<uint32_t>(row) < snapshot.rows);
      CHECK(seen.insert(row).second || file == File::damaged);
      CHECK((visible.words()[row / 64] >> (row % 64) & 1) != 0 && !column->isNull(static_cast<uint32_t>(row)));
      if (asked.range) CHECK(asked.range->contains(asked.metric, out.scores[static_cast<size_t>(i)]));
    }
  }
}

}  // namespace redkite::fuzz
