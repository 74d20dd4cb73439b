// Recall against queries per CPU second of the inverted files, with what they cost to build and what they touch.
//
//   ivf-bench --base base.npy --queries queries.npy --truth truth.npy [--metric cosine|l2|ip] [--kind flat|sq8|pq|scann|rabitq] [--nlist 1024]
//             [--m 48] [--nbits 8] [--nprobe 8,16,32,...] [--refine 0] [--k 10] [--targets 0.9,0.95,0.99] [--repeat 5] [--threads 1] [--single]
//
// Base and queries are float16 or float32 .npy; truth int32. All queries go in one call unless --single asks for one call each. CPU time of
// the process, best of the repetitions.
#include <ctime>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "npy.h"
#include "redkite/fp16.h"
#include "redkite/ivf.h"
#include "redkite/kernels.h"

using namespace redkite;

namespace {

double cpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::vector<float> widened(const Npy& npy) {
  std::vector<float> values(npy.rows * npy.columns);
  if (npy.type == "<f4") std::memcpy(values.data(), npy.bytes.data(), values.size() * 4);
  else if (npy.type == "<f2") for (size_t i = 0; i < values.size(); ++i) values[i] = halfToFloat(npy.as<uint16_t>()[i]);
  else fail("type " + npy.type + " is not float16 or float32");
  return values;
}

std::vector<uint32_t> numbers(const std::string& list) {
  std::vector<uint32_t> result;
  std::stringstream stream(list);
  for (std::string item; std::getline(stream, item, ',');) result.push_back(static_cast<uint32_t>(std::stoul(item)));
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    options[name] = name == "--single" ? "yes" : i + 1 < argc ? argv[++i] : "";
  }
  const auto option = [&](const char* name, const char* otherwise) {
    const auto found = options.find(name);
    return found == options.end() ? std::string(otherwise) : found->second;
  };
  const auto number = [&](const char* name, const char* otherwise) { return static_cast<uint32_t>(std::stoul(option(name, otherwise))); };
  const std::map<std::string, IvfKind> kinds = {
      {"flat", IvfKind::flat}, {"sq8", IvfKind::sq8}, {"pq", IvfKind::pq}, {"scann", IvfKind::scann}, {"rabitq", IvfKind::rabitq}};
  const std::string metricName = option("--metric", "cosine");
  IvfBuildParams params;
  params.metric = metricName == "l2" ? Metric::l2 : metricName == "ip" ? Metric::ip : Metric::cosine;
  params.kind = kinds.at(option("--kind", "flat"));
  params.lists = number("--nlist", "1024");
  params.subs = number("--m", "48");
  params.nbits = number("--nbits", "8");
  params.threads = number("--threads", "1");
  const Npy baseFile = readNpy(option("--base", ""));
  const Npy queryFile = readNpy(option("--queries", ""));
  const Npy truth = readNpy(option("--truth", ""));
  const uint32_t dim = static_cast<uint32_t>(baseFile.columns);
  const uint32_t nq = static_cast<uint32_t>(queryFile.rows);
  const uint32_t k = number("--k", "10");
  const std::vector<float> base = widened(baseFile);
  const std::vector<float> queries = widened(queryFile);
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(base.data());
  const VectorView view = VectorView::contiguous(VectorType::f32, dim, static_cast<uint32_t>(baseFile.rows), &bytes);
  const double begin = cpuSeconds();
  const Result<AlignedBytes> file = buildIvf(view, {}, params, {});
  if (!file.status.ok()) fail(file.status.message);
  std::printf("%s, %s, build %.2f CPU s, %.1f MB beside the rows\n", kernels().name, option("--kind", "flat").c_str(), cpuSeconds() - begin,
              static_cast<double>(file.value.size()) * 1e-6);
  const Result<IvfIndex> index = IvfIndex::open(file.value.data(), file.value.size());
  if (!index.status.ok()) fail(index.status.message);
  std::vector<uint32_t> rows(size_t{nq} * k), counts(nq);
  std::vector<float> scores(size_t{nq} * k);
  SearchParams search;
  search.k = k;
  const bool single = options.count("--single") != 0;
  const auto measure = [&](const std::string& name, const IvfSearchParams& lists) {
    double best = 1e30;
    SearchStats stats;
    for (uint32_t repeat = 0; repeat < number("--repeat", "5"); ++repeat) {
      stats = {};
      const double start = cpuSeconds();
      const uint32_t step = single ? 1 : nq;
      for (uint32_t q = 0; q < nq; q += step) {
        const HitBuffer out{rows.data() + size_t{q} * k, scores.data() + size_t{q} * k, counts.data() + q};
        const Status status = index.value.search(view, reinterpret_cast<const uint8_t*>(queries.data() + size_t{q} * dim), step, {}, search, lists, {}, out, &stats);
        if (!status.ok()) fail(status.message);
      }
      best = std::min(best, cpuSeconds() - start);
    }
    size_t found = 0;
    for (uint32_t q = 0; q < nq; ++q) {
      std::set<int32_t> wanted;
      for (uint32_t i = 0; i < k; ++i) wanted.insert(truth.as<int32_t>()[size_t{q} * truth.columns + i]);
      for (uint32_t i = 0; i < counts[q]; ++i) found += wanted.count(static_cast<int32_t>(rows[size_t{q} * k + i]));
    }
    std::printf("%s refine %4u  recall %.4f  %8.0f queries per CPU s  %6.0f compared, %5.1f of them exactly, %7.0f bytes a query\n", name.c_str(), lists.refineRows,
                static_cast<double>(found) / (static_cast<double>(nq) * k), nq / best, static_cast<double>(stats.distances) / nq,
                static_cast<double>(stats.exactDistances) / nq, static_cast<double>(stats.bytes) / nq);
  };
  for (const uint32_t refine : numbers(option("--refine", "0"))) {
    for (const uint32_t nprobe : numbers(option("--nprobe", "4,8,16,32,64,128"))) measure("nprobe " + std::to_string(nprobe), {nprobe, refine});
  }
  std::stringstream targets(option("--targets", ""));
  for (std::string target; std::getline(targets, target, ',');) {
    search.recallTarget = std::stof(target);
    measure("target " + target, {});
  }
  return 0;
}
