// One contestant of `npm run bench:ann`: builds an index over a file of rows, says what that cost, and answers measurements.
//
//   ann-bench --base base.npy --queries queries.npy --metric cosine|l2|ip --index NAME [--threads 1] [--m 16] [--efc 200]
//             [--nlist 1024] [--subs 32] [--nbits 8] [--type f32|f16]
//
// Rows are float32 .npy, normalised for cosine. NAME is FLAT, HNSW, HNSW_SQ (codes only), HNSW_SQ_F16 (ranked again on a copy), HNSW_PQ, IVF_FLAT, IVF_SQ8, IVF_PQ, IVF_RABITQ or SCANN.
// The first line printed is what the build took. Each line read, `WIDTH K FILE [MASKS]`, is one measurement: all queries are searched with that
// ef or nprobe until 50 ms of CPU have gone by; the ids go into FILE (int32, K a query, -1 where there are fewer), one line says what it took.
// MASKS is a file with a bit a row in 64-bit words, for all queries or one such mask for each, which is then a call of its own.
#include <malloc.h>
#include <sys/resource.h>

#include <ctime>

#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include "npy.h"
#include "redkite/flat.h"
#include "redkite/fp16.h"
#include "redkite/hnsw.h"
#include "redkite/ivf.h"
#include "redkite/kernels.h"

using namespace redkite;

namespace {

double cpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double wallSeconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// A line of /proc/self/status in bytes.
uint64_t statusBytes(const std::string& name) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(name, 0) == 0) return std::stoull(line.substr(name.size())) * 1024;
  }
  return 0;
}

struct Contestant {
  std::string name;
  Metric metric = Metric::l2;
  VectorView view;
  AlignedBytes file;
  std::optional<HnswIndex> graph;
  std::optional<IvfIndex> lists;

  /// Whether searches read the raw rows.
  bool readsRows() const {
    if (graph) return graph->info().refine == Refine::rows;
    return !lists || lists->info().kind == IvfKind::flat || lists->info().refine == Refine::rows;
  }

  Status search(const uint8_t* queries, uint32_t nq, uint32_t width, uint32_t k, const Bitset& visible, const HitBuffer& out, SearchStats* stats, HnswScratch* scratch) const {
    SearchParams params;
    params.k = k;
    params.ef = width;
    if (graph) return graph->search(view, queries, nq, visible, params, {}, scratch, out, stats);
    if (lists) return lists->search(view, queries, nq, visible, params, {width, 0}, {}, out, stats);
    return flatSearch(view, metric, queries, nq, visible, params, {}, out, stats);
  }
};

/// Which rows queries see: all, one mask for all queries, or one for each.
struct Masks {
  std::vector<uint64_t> words;
  size_t wordsPerMask = 0;

  static Masks read(const std::string& path, size_t rows, size_t nq) {
    Masks masks;
    masks.wordsPerMask = (rows + 63) / 64;
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    const size_t bytes = in ? static_cast<size_t>(in.tellg()) : 0;
    const size_t one = masks.wordsPerMask * 8;
    if (bytes != one && bytes != one * nq) fail(path + " holds neither one mask nor one for each query");
    masks.words.resize(bytes / 8);
    in.seekg(0);
    in.read(reinterpret_cast<char*>(masks.words.data()), static_cast<std::streamsize>(bytes));
    return masks;
  }

  bool forEach() const { return words.size() > wordsPerMask; }
  Bitset of(size_t query, uint32_t rows) const {
    if (words.empty()) return {};
    return {words.data() + (forEach() ? query * wordsPerMask : 0), rows};
  }
};

template <class Index>
Index opened(Contestant& contestant, Result<AlignedBytes> built) {
  if (!built.status.ok()) fail(built.status.message);
  contestant.file = std::move(built.value);
  Result<Index> index = Index::open(contestant.file.data(), contestant.file.size());
  if (!index.status.ok()) fail(index.status.message);
  return index.value;
}

AlignedBytes rowsAs(const Npy& npy, VectorType type) {
  AlignedBytes rows = AlignedBytes::allocate(npy.rows * rowBytes(type, static_cast<uint32_t>(npy.columns)));
  if (rows.data() == nullptr) fail("out of memory");
  if (type == VectorType::f32) {
    std::memcpy(rows.data(), npy.bytes.data(), rows.size());
  } else {
    for (size_t i = 0; i < npy.rows * npy.columns; ++i) reinterpret_cast<uint16_t*>(rows.data())[i] = floatToHalf(npy.as<float>()[i]);
  }
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t before = statusBytes("VmRSS:");
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  const auto option = [&](const char* name, const char* otherwise) {
    const auto found = options.find(name);
    return found == options.end() ? std::string(otherwise) : found->second;
  };
  const auto number = [&](const char* name, const char* otherwise) { return static_cast<uint32_t>(std::stoul(option(name, otherwise))); };

  Contestant contestant;
  contestant.name = option("--index", "HNSW");
  const std::string metricName = option("--metric", "cosine");
  contestant.metric = metricName == "l2" ? Metric::l2 : metricName == "ip" ? Metric::ip : Metric::cosine;
  const VectorType type = option("--type", "f32") == "f16" ? VectorType::f16 : VectorType::f32;
  const uint32_t threads = number("--threads", "1");
  AlignedBytes base, queries;
  uint32_t dim, nq;
  {
    const Npy file = readNpy(option("--base", ""));
    if (file.type != "<f4") fail("the base is not float32");
    base = rowsAs(file, type);
    dim = static_cast<uint32_t>(file.columns);
    const Npy asked = readNpy(option("--queries", ""));
    if (asked.type != "<f4" || asked.columns != file.columns) fail("the queries do not fit the base");
    queries = rowsAs(asked, type);
    nq = static_cast<uint32_t>(asked.rows);
  }
  const uint8_t* chunk = base.data();
  const uint32_t rows = static_cast<uint32_t>(base.size() / rowBytes(type, dim));
  contestant.view = VectorView::contiguous(type, dim, rows, &chunk);

  const std::map<std::string, IvfKind> lists = {{"IVF_FLAT", IvfKind::flat}, {"IVF_SQ8", IvfKind::sq8}, {"IVF_PQ", IvfKind::pq}, {"SCANN", IvfKind::scann}, {"IVF_RABITQ", IvfKind::rabitq}};
  // Forgets the peak so far.
  std::ofstream("/proc/self/clear_refs") << "5";
  double cpu = cpuSeconds(), wall = wallSeconds();
  if (const auto kind = lists.find(contestant.name); kind != lists.end()) {
    IvfBuildParams params;
    params.kind = kind->second;
    params.metric = contestant.metric;
    params.lists = number("--nlist", "1024");
    params.subs = number("--subs", "32");
    params.nbits = number("--nbits", "8");
    params.threads = threads;
    contestant.lists = opened<IvfIndex>(contestant, buildIvf(contestant.view, {}, params, {}));
  } else if (contestant.name.rfind("HNSW", 0) == 0) {
    HnswBuildParams params;
    params.metric = contestant.metric;
    params.m = number("--m", "16");
    params.efConstruction = number("--efc", "200");
    params.threads = threads;
    params.subs = number("--subs", "32");
    params.nbits = number("--nbits", "8");
    params.codes = contestant.name == "HNSW_PQ" ? HnswCodes::product : contestant.name == "HNSW" ? HnswCodes::automatic : HnswCodes::u8;
    params.refine = contestant.name == "HNSW_SQ" ? Refine::none : contestant.name == "HNSW_SQ_F16" ? Refine::f16 : Refine::rows;
    contestant.graph = opened<HnswIndex>(contestant, buildHnsw(contestant.view, {}, params, {}));
  } else if (contestant.name != "FLAT") {
    fail("no index is called " + contestant.name);
  }
  cpu = cpuSeconds() - cpu;
  wall = wallSeconds() - wall;
  const uint64_t bytes = contestant.file.size() + (contestant.readsRows() ? base.size() : 0);
  const uint64_t peak = statusBytes("VmHWM:") - before;
  // A search that read a row all the same would end here.
  if (contestant.graph && !contestant.readsRows()) {
    base = AlignedBytes();
    chunk = nullptr;
  }
  // What builds gave back counts no more.
  malloc_trim(0);
  const uint64_t resident = statusBytes("VmRSS:") - before - queries.size();
  std::printf("{\"build_cpu_s\": %.3f, \"build_s\": %.3f, \"bytes\": %llu, \"resident_bytes\": %llu, \"peak_bytes\": %llu, \"queries\": %u, \"isa\": \"%s\"}\n", cpu, wall,
              static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(resident), static_cast<unsigned long long>(peak), nq, kernels().name);
  std::fflush(stdout);

  std::vector<HnswScratch> scratch(threads);
  Masks masks;
  std::string masksRead;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    uint32_t width = 0, k = 0;
    std::string path, masksPath;
    if (!(words >> width >> k >> path) || k == 0) fail("not a measurement: " + line);
    if (words >> masksPath && masksPath != masksRead) masks = Masks::read(masksPath, rows, nq);
    if (masksPath.empty()) masks = {};
    masksRead = masksPath;
    std::vector<uint32_t> ids(size_t{nq} * k), counts(nq);
    std::vector<float> scores(size_t{nq} * k);
    std::vector<SearchStats> stats(threads);
    std::vector<Status> statuses(threads);
    const auto part = [&](uint32_t thread) {
      const uint32_t from = static_cast<uint32_t>(uint64_t{nq} * thread / threads), to = static_cast<uint32_t>(uint64_t{nq} * (thread + 1) / threads);
      stats[thread] = {};
      const uint32_t step = masks.forEach() ? 1 : to - from;
      for (uint32_t q = from; q < to && statuses[thread].ok(); q += step) {
        const HitBuffer out{ids.data() + size_t{q} * k, scores.data() + size_t{q} * k, counts.data() + q};
        statuses[thread] = contestant.search(queries.data() + q * rowBytes(type, dim), step, width, k, masks.of(q, rows), out, &stats[thread], &scratch[thread]);
      }
    };
    uint32_t rounds = 0;
    const double started = cpuSeconds();
    double spent = 0;
    do {
      std::vector<std::thread> others;
      for (uint32_t i = 1; i < threads; ++i) others.emplace_back(part, i);
      part(0);
      for (std::thread& other : others) other.join();
      for (const Status& status : statuses) {
        if (!status.ok()) fail(status.message);
      }
      ++rounds;
      spent = cpuSeconds() - started;
    } while (spent < 0.05);
    std::ofstream out(path, std::ios::binary);
    for (uint32_t q = 0; q < nq; ++q) {
      for (uint32_t i = 0; i < k; ++i) {
        const int32_t id = i < counts[q] ? static_cast<int32_t>(ids[size_t{q} * k + i]) : -1;
        out.write(reinterpret_cast<const char*>(&id), sizeof(id));
      }
    }
    out.close();
    if (!out) fail("cannot write " + path);
    SearchStats all;
    for (const SearchStats& s : stats) {
      all.distances += s.distances;
      all.bytes += s.bytes;
    }
    std::printf("{\"cpu_s\": %.9f, \"distances\": %.1f, \"bytes_read\": %.0f}\n", spent / rounds, static_cast<double>(all.distances) / nq, static_cast<double>(all.bytes) / nq);
    std::fflush(stdout);
  }
  return 0;
}
