// Hostile bytes as vector index files of every kind, opened by a segment and searched. An input is the number of a sample, which says over
// what field the file claims to be; a byte whose lowest bit says that the header's checksum is to be repaired, so that what lies behind it
// is reached; a search (vector-world.h); the file.
#include <optional>

#include "driver.h"
#include "redkite/crc32c.h"
#include "vector-world.h"

using namespace redkite;
using namespace redkite::fuzz;

namespace {

constexpr uint32_t kHeadBytes = 2 + kAskedBytes;

/** Where a header of such a file has the checksum over what is before it. */
std::optional<uint32_t> checksumAt(const uint8_t* file, size_t bytes) {
  const auto is = [&](const char* magic) { return bytes >= 256 && std::memcmp(file, magic, 4) == 0; };
  if (is("RKHN") || is("RKIV") || is("RKMH") || is("RKDA")) return 252;
  if (is("RKSP")) return 124;
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < kHeadBytes) return 0;
  const VectorWorld& world = vectorWorld();
  const IndexSample& sample = world.indexes[data[0] % world.indexes.size()];
  std::shared_ptr<segment::Buffer> file;
  CHECK_OK(segment::Buffer::allocate(size - kHeadBytes, file));
  if (size > kHeadBytes) std::memcpy(file->writable(), data + kHeadBytes, size - kHeadBytes);
  if (const auto at = checksumAt(file->data(), file->size()); at && (data[1] & 1) != 0) {
    const uint32_t crc = crc32c(file->data(), *at);
    std::memcpy(file->writable() + *at, &crc, 4);
  }
  if (!world.segment->attachIndex(sample.fieldId, file).ok()) return 0;
  const Asked asked(data + 2, sample.fieldId, sample.metric);
  const segment::Snapshot snapshot = world.segment->snapshot();
  segment::SearchOutput out;
  if (search(snapshot, asked.input, {}, out).ok()) checkAnswer(snapshot, asked.input, out, File::damaged);
  world.segment->detachIndex(sample.fieldId);
  return 0;
}

#if !defined(REDKITE_LIBFUZZER)
namespace {

Samples samples() {
  return inputsOfEveryIndex(
      3, [](uint32_t index, uint32_t) { return std::pair{static_cast<uint8_t>(index), uint8_t{1}}; },
      [](const IndexSample& sample) { return std::span(sample.file->data(), sample.file->size()); });
}

}  // namespace

int main(int argc, char** argv) { return drive(argc, argv, samples(), kHeadBytes + 256); }
#endif
