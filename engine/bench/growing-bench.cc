// A growing segment under one adding and one searching thread: the engine's half of `npm run bench:ann -- --growing`.
//
//   growing-bench --base base.npy --queries queries.npy --metric cosine|l2|ip [--ef 64] [--parts 8]
//
// Rows are float32 .npy, normalised for cosine. They are added in `parts`: as batches that enter the segment and then its graph, while another thread
// searches, one query a call. Between parts the same searches are made with nobody adding, and at the half and at the end in a finished HNSW index
// over as many rows. Seconds are CPU of the thread concerned. Recall is of searches beside the adding thread, against the exact answer
// over the rows there were when each began. One line of JSON for each part.
#include <ctime>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "../src/segment/read.h"
#include "../test/batch-builder.h"
#include "npy.h"
#include "redkite/flat.h"
#include "redkite/hnsw.h"

using namespace redkite;
using namespace redkite::segment;

namespace {

constexpr uint32_t kKey = 100, kVector = 101;
constexpr uint32_t kBatchRows = 1000;
constexpr uint32_t kHits = 10;
/// Of the searches beside the adding thread, those whose exact answer is computed afterwards.
constexpr uint32_t kCompared = 200;

void check(const Status& status) {
  if (!status.ok()) fail(status.message);
}

double threadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Rows {
  Npy file;
  uint32_t count() const { return static_cast<uint32_t>(file.rows); }
  uint32_t dim() const { return static_cast<uint32_t>(file.columns); }
  const float* at(uint32_t row) const { return file.as<float>() + size_t{row} * dim(); }

  static Rows read(const std::string& path) {
    Rows rows{readNpy(path)};
    if (rows.file.type != "<f4") fail(path + " is not float32");
    return rows;
  }
};

std::shared_ptr<GrowingSegment> emptySegment(uint32_t rowsMax, uint32_t dim) {
  Field key, vector;
  key.id = kKey;
  key.type = Type::int64;
  key.isKey = true;
  vector.id = kVector;
  vector.type = Type::floatVector;
  vector.dim = dim;
  std::shared_ptr<GrowingSegment> segment;
  check(GrowingSegment::create({key, vector}, rowsMax, 1, segment));
  return segment;
}

struct Answer {
  uint32_t query;
  uint32_t rowsBefore;
  std::vector<int32_t> rows;
};

class Growing {
 public:
  Growing(const Rows& base, const Rows& queries, Metric metric, uint32_t ef) : base_(base), queries_(queries), metric_(metric), ef_(ef), segment_(emptySegment(base.count(), base.dim())) {}

  const GrowingSegment& segment() const { return *segment_; }

  /// Rows [segment().rows(), end) as batches; each is in the graph before the next comes. CPU seconds of this thread.
  double add(uint32_t end) {
    const double before = threadSeconds();
    while (segment_->rows() < end) {
      const uint32_t first = segment_->rows(), count = std::min(kBatchRows, end - first);
      std::vector<int64_t> keys(count);
      for (uint32_t i = 0; i < count; ++i) keys[i] = first + i;
      const std::vector<float> vectors(base_.at(first), base_.at(first) + size_t{count} * base_.dim());
      check(segment_->append(test::BatchBuilder(count).fixed(kKey, Type::int64, keys).fixed(kVector, Type::floatVector, vectors, base_.dim()).encode(), first + 1));
      // As the server does it: a graph from so many rows on, in slices.
      for (bool more = segment_->rows() >= kInterimRowsMin; more;) check(segment_->interim()->advance(segment_->snapshot(), kVector, metric_, {}, more));
    }
    return threadSeconds() - before;
  }

  /// One search; the queries in turns.
  Answer search(uint32_t number) const {
    Answer answer{number % queries_.count(), segment_->rows(), {}};
    SearchInput input;
    input.fieldId = kVector;
    input.metric = metric_;
    input.nq = 1;
    input.queries = {reinterpret_cast<const uint8_t*>(queries_.at(answer.query)), size_t{base_.dim()} * 4};
    input.k = kHits;
    input.ef = ef_;
    // A row begins at the number of its batch's first row and 1: just those that were there.
    input.visibility = {answer.rowsBefore, 0};
    SearchOutput out;
    check(redkite::segment::search(segment_->snapshot(), input, {}, out));
    answer.rows = std::move(out.rows);
    return answer;
  }

 private:
  const Rows& base_;
  const Rows& queries_;
  Metric metric_;
  uint32_t ef_;
  std::shared_ptr<GrowingSegment> segment_;
};

/// The share of the exact answers that searches found; of so many searches evenly.
double recallOf(const Rows& base, const Rows& queries, Metric metric, const std::vector<Answer>& answers) {
  const uint8_t* chunk = reinterpret_cast<const uint8_t*>(base.at(0));
  uint64_t found = 0, all = 0;
  const size_t step = std::max<size_t>(1, answers.size() / kCompared);
  for (size_t i = step / 2; i < answers.size(); i += step) {
    const Answer& answer = answers[i];
    const VectorView view = VectorView::contiguous(VectorType::f32, base.dim(), answer.rowsBefore, &chunk);
    SearchParams params;
    params.k = kHits;
    uint32_t rows[kHits], count = 0;
    float scores[kHits];
    check(flatSearch(view, metric, reinterpret_cast<const uint8_t*>(queries.at(answer.query)), 1, {}, params, {}, {rows, scores, &count}, nullptr));
    all += count;
    for (uint32_t j = 0; j < count; ++j) found += static_cast<uint64_t>(std::count(answer.rows.begin(), answer.rows.end(), static_cast<int32_t>(rows[j])));
  }
  return all == 0 ? 1 : static_cast<double>(found) / static_cast<double>(all);
}

/// The mean CPU seconds of one call, the fastest of three rounds.
template <class Search>
double secondsOfOne(const Search& search) {
  constexpr uint32_t calls = 1000;
  double best = 1e9;
  for (uint32_t round = 0; round < 3; ++round) {
    const double before = threadSeconds();
    for (uint32_t i = 0; i < calls; ++i) search(i);
    best = std::min(best, (threadSeconds() - before) / calls);
  }
  return best;
}

struct Finished {
  double seconds;
  double recall;
};

Finished finishedIndex(const Rows& base, const Rows& queries, Metric metric, uint32_t ef, uint32_t rows) {
  const uint8_t* chunk = reinterpret_cast<const uint8_t*>(base.at(0));
  const VectorView view = VectorView::contiguous(VectorType::f32, base.dim(), rows, &chunk);
  HnswBuildParams build;
  build.metric = metric;
  const Result<AlignedBytes> file = buildHnsw(view, {}, build, {});
  check(file.status);
  const Result<HnswIndex> index = HnswIndex::open(file.value.data(), file.value.size());
  check(index.status);
  HnswScratch scratch;
  SearchParams params;
  params.k = kHits;
  params.ef = ef;
  const auto search = [&](uint32_t number) {
    Answer answer{number % queries.count(), rows, std::vector<int32_t>(kHits)};
    uint32_t count = 0;
    float scores[kHits];
    const HitBuffer out{reinterpret_cast<uint32_t*>(answer.rows.data()), scores, &count};
    check(index.value.search(view, reinterpret_cast<const uint8_t*>(queries.at(answer.query)), 1, {}, params, {}, &scratch, out, nullptr));
    answer.rows.resize(count);
    return answer;
  };
  std::vector<Answer> answers;
  for (uint32_t i = 0; i < queries.count(); ++i) answers.push_back(search(i));
  return {secondsOfOne(search), recallOf(base, queries, metric, answers)};
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  const auto option = [&](const char* name, const char* otherwise) {
    const auto found = options.find(name);
    return found == options.end() ? std::string(otherwise) : found->second;
  };
  const Rows base = Rows::read(option("--base", "")), queries = Rows::read(option("--queries", ""));
  if (queries.dim() != base.dim()) fail("the queries do not fit the base");
  const std::string metricName = option("--metric", "cosine");
  const Metric metric = metricName == "l2" ? Metric::l2 : metricName == "ip" ? Metric::ip : Metric::cosine;
  const auto ef = static_cast<uint32_t>(std::stoul(option("--ef", "64")));
  const auto parts = static_cast<uint32_t>(std::stoul(option("--parts", "8")));

  Growing growing(base, queries, metric, ef);
  double aloneBefore = 0;
  for (uint32_t part = 1; part <= parts; ++part) {
    const uint32_t from = growing.segment().rows(), to = static_cast<uint32_t>(uint64_t{base.count()} * part / parts);
    std::atomic<bool> added{false};
    std::vector<Answer> answers;
    double beside = 0;
    std::thread searcher([&] {
      // No answers over no rows.
      while (growing.segment().rows() == 0) std::this_thread::yield();
      const double before = threadSeconds();
      for (uint32_t i = 0; !added.load(); ++i) answers.push_back(growing.search(i));
      beside = (threadSeconds() - before) / static_cast<double>(std::max<size_t>(answers.size(), 1));
    });
    const double adding = growing.add(to);
    added.store(true);
    searcher.join();
    const double alone = secondsOfOne([&](uint32_t i) { return growing.search(i); });
    std::optional<Finished> finished;
    if (part % ((parts + 1) / 2) == 0) finished = finishedIndex(base, queries, metric, ef, to);
    std::printf("{\"from\": %u, \"rows\": %u, \"ef\": %u, \"add_cpu_s\": %.3f, \"searches\": %zu, \"recall\": %.4f, \"search_us\": %.2f, \"alone_before_us\": %.2f, \"alone_after_us\": %.2f", from, to, ef,
                adding, answers.size(), recallOf(base, queries, metric, answers), beside * 1e6, aloneBefore * 1e6, alone * 1e6);
    if (finished) std::printf(", \"finished_us\": %.2f, \"finished_recall\": %.4f", finished->seconds * 1e6, finished->recall);
    std::printf(", \"bytes\": %llu}\n", static_cast<unsigned long long>(growing.segment().memoryBytes()));
    std::fflush(stdout);
    aloneBefore = alone;
  }
  return 0;
}
