// Recall against queries per CPU second of the HNSW index, with what it cost to build and what it touches.
//
//   hnsw-bench --base base.npy --queries queries.npy --truth truth.npy [--metric cosine|l2|ip] [--type f32|f16|bf16|i8]
//              [--m 16] [--efc 200] [--threads 1] [--k 10] [--ef 16,32,64,...] [--targets 0.9,0.95,0.99] [--repeat 3] [--codes auto|none|u8|product]
//              [--subs 32] [--nbits 8] [--levels 1] [--alone] [--mask mask.npy --mask-truth truth.npy] [--random-filters] [--flat] [--single] [--growing [--growing-efc 100]] [--save file | --load file]
//
// Base and queries are float16 or float32 .npy; truth int32. A mask is uint8 or bool, one per row. Random filters compute
// their truth by exact search. CPU time of the process, best of the repetitions.
#include <ctime>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "npy.h"
#include "redkite/flat.h"
#include "redkite/fp16.h"
#include "redkite/growing-graph.h"
#include "redkite/hnsw.h"
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

void normalise(std::vector<float>& values, size_t dim) {
  for (size_t i = 0; i < values.size(); i += dim) {
    double squared = 0;
    for (size_t d = 0; d < dim; ++d) squared += static_cast<double>(values[i + d]) * static_cast<double>(values[i + d]);
    const float inverse = squared > 0 ? static_cast<float>(1 / std::sqrt(squared)) : 0;
    for (size_t d = 0; d < dim; ++d) values[i + d] *= inverse;
  }
}

std::vector<uint8_t> stored(const std::vector<float>& values, VectorType type) {
  std::vector<uint8_t> bytes(rowBytes(type, 1) * values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t half = type == VectorType::f16 ? floatToHalf(values[i]) : floatToBf16(values[i]);
    const int8_t small = static_cast<int8_t>(std::clamp(std::nearbyint(values[i] * 400), -127.0f, 127.0f));
    if (type == VectorType::f32) std::memcpy(&bytes[i * 4], &values[i], 4);
    else if (type == VectorType::i8) bytes[i] = static_cast<uint8_t>(small);
    else std::memcpy(&bytes[i * 2], &half, 2);
  }
  return bytes;
}

struct Hits {
  std::vector<uint32_t> rows, counts;
  std::vector<float> scores;
  HitBuffer buffer;
  Hits(size_t nq, size_t k) : rows(nq * k), counts(nq), scores(nq * k), buffer{rows.data(), scores.data(), counts.data()} {}
};

double recallOf(const Hits& hits, const int32_t* truth, size_t truthColumns, size_t nq, size_t k) {
  size_t found = 0;
  size_t possible = 0;
  for (size_t q = 0; q < nq; ++q) {
    std::set<int32_t> best;
    for (size_t i = 0; i < std::min(k, truthColumns); ++i) if (truth[q * truthColumns + i] >= 0) best.insert(truth[q * truthColumns + i]);
    possible += best.size();
    for (uint32_t i = 0; i < hits.counts[q]; ++i) found += best.count(static_cast<int32_t>(hits.rows[q * k + i]));
  }
  return static_cast<double>(found) / static_cast<double>(possible);
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
    const bool flag = name == "--random-filters" || name == "--flat" || name == "--growing" || name == "--alone" || name == "--single";
    options[name] = flag ? "yes" : i + 1 < argc ? argv[++i] : "";
  }
  const auto option = [&](const char* name, const char* otherwise) {
    const auto found = options.find(name);
    return found == options.end() ? std::string(otherwise) : found->second;
  };
  const std::string metricName = option("--metric", "cosine");
  const Metric metric = metricName == "l2" ? Metric::l2 : metricName == "ip" ? Metric::ip : Metric::cosine;
  const std::string typeName = option("--type", "f32");
  const VectorType type = typeName == "f16" ? VectorType::f16 : typeName == "bf16" ? VectorType::bf16 : typeName == "i8" ? VectorType::i8 : VectorType::f32;
  const Npy baseFile = readNpy(option("--base", ""));
  const Npy queryFile = readNpy(option("--queries", ""));
  const Npy truth = readNpy(option("--truth", ""));
  const uint32_t dim = static_cast<uint32_t>(baseFile.columns);
  const uint32_t rows = static_cast<uint32_t>(baseFile.rows);
  const uint32_t nq = static_cast<uint32_t>(queryFile.rows);
  const uint32_t k = static_cast<uint32_t>(std::stoul(option("--k", "10")));
  std::vector<float> baseValues = widened(baseFile);
  std::vector<float> queryValues = widened(queryFile);
  if (metric == Metric::cosine) {
    normalise(baseValues, dim);
    normalise(queryValues, dim);
  }
  const std::vector<uint8_t> baseBytes = stored(baseValues, type);
  const std::vector<uint8_t> queries = stored(queryValues, type);
  // Rows on huge pages, as a server would map them.
  AlignedBytes base = AlignedBytes::allocate(baseBytes.size());
  std::memcpy(base.data(), baseBytes.data(), baseBytes.size());
  const uint8_t* chunk = base.data();
  const VectorView view = VectorView::contiguous(type, dim, rows, &chunk);

  HnswBuildParams build;
  build.metric = metric;
  build.m = static_cast<uint32_t>(std::stoul(option("--m", "16")));
  build.efConstruction = static_cast<uint32_t>(std::stoul(option("--efc", "200")));
  build.threads = static_cast<uint32_t>(std::stoul(option("--threads", "1")));
  const std::string codes = option("--codes", "auto");
  build.codes = codes == "none" ? HnswCodes::none : codes == "u8" ? HnswCodes::u8 : codes == "product" ? HnswCodes::product : HnswCodes::automatic;
  build.refine = option("--alone", "") == "yes" ? Refine::none : Refine::rows;
  build.subs = static_cast<uint32_t>(std::stoul(option("--subs", "32")));
  build.nbits = static_cast<uint32_t>(std::stoul(option("--nbits", "8")));
  build.productLevels = static_cast<uint32_t>(std::stoul(option("--levels", "1")));

  AlignedBytes file;
  const double began = cpuSeconds();
  if (const std::string load = option("--load", ""); !load.empty()) {
    std::ifstream in(load, std::ios::binary | std::ios::ate);
    if (!in) fail("cannot open " + load);
    file = AlignedBytes::allocate(static_cast<size_t>(in.tellg()));
    in.seekg(0);
    in.read(reinterpret_cast<char*>(file.data()), static_cast<std::streamsize>(file.size()));
  } else {
    Result<AlignedBytes> built = buildHnsw(view, {}, build, {});
    if (!built.status.ok()) fail(built.status.message);
    file = std::move(built.value);
  }
  const double buildSeconds = cpuSeconds() - began;
  if (const std::string save = option("--save", ""); !save.empty()) {
    std::ofstream(save, std::ios::binary).write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  }
  const Result<HnswIndex> opened = HnswIndex::open(file.data(), file.size());
  if (!opened.status.ok()) fail(opened.status.message);
  const HnswIndex& index = opened.value;
  std::printf("isa %s rows %u dim %u %s %s m %u efc %u threads %u codes %d: build %.2f CPU s, index %.1f MB, rows %.1f MB\n", kernels().name, rows,
              dim, typeName.c_str(), metricName.c_str(), build.m, build.efConstruction, build.threads, index.info().codes, buildSeconds,
              static_cast<double>(file.size()) / 1e6, static_cast<double>(base.size()) / 1e6);

  const uint32_t repeats = static_cast<uint32_t>(std::stoul(option("--repeat", "3")));
  HnswScratch scratch;
  const auto measure = [&](const char* name, const Bitset& visible, const int32_t* best, size_t columns, const GrowingGraph* growing = nullptr) {
    for (const uint32_t ef : numbers(option("--ef", "16,24,32,48,64,96,128,256,512"))) {
      Hits hits(nq, k);
      SearchParams params;
      params.k = k;
      params.ef = ef;
      double seconds = 1e9;
      SearchStats stats;
      for (uint32_t r = 0; r < repeats; ++r) {
        stats = {};
        const double start = cpuSeconds();
        const uint32_t step = option("--single", "") == "yes" ? 1 : nq;
        for (uint32_t q = 0; q < nq; q += step) {
          const uint8_t* asked = queries.data() + q * rowBytes(type, dim);
          const HitBuffer out{hits.buffer.rows + size_t{q} * k, hits.buffer.scores + size_t{q} * k, hits.buffer.counts + q};
          const Status status = growing != nullptr ? growing->search(view, asked, step, visible, params, {}, &scratch, out, &stats)
                                                   : index.search(view, asked, step, visible, params, {}, &scratch, out, &stats);
          if (!status.ok()) fail(status.message);
        }
        seconds = std::min(seconds, cpuSeconds() - start);
      }
      uint32_t fewest = k;
      for (const uint32_t count : hits.counts) fewest = std::min(fewest, count);
      std::printf("%-14s ef %4u recall %.4f  %8.0f q/CPU s  %6.0f distances (%4.0f exact) %5.0f hops %7.0f KB a query, fewest %u, path %d\n", name, ef,
                  recallOf(hits, best, columns, nq, k), nq / seconds, static_cast<double>(stats.distances) / nq,
                  static_cast<double>(stats.exactDistances) / nq, static_cast<double>(stats.hops) / nq, static_cast<double>(stats.bytes) / nq / 1e3, fewest,
                  static_cast<int>(stats.path));
    }
  };
  measure("all", {}, truth.as<int32_t>(), truth.columns);
  {
    std::stringstream stream(option("--targets", ""));
    for (std::string item; std::getline(stream, item, ',');) {
      Hits hits(nq, k);
      SearchParams params;
      params.k = k;
      params.recallTarget = std::stof(item);
      const double start = cpuSeconds();
      if (const Status status = index.search(view, queries.data(), nq, {}, params, {}, &scratch, hits.buffer, nullptr); !status.ok()) fail(status.message);
      std::printf("recall target %s: recall %.4f  %8.0f q/CPU s\n", item.c_str(), recallOf(hits, truth.as<int32_t>(), truth.columns, nq, k), nq / (cpuSeconds() - start));
    }
  }

  const auto exactTruth = [&](const Bitset& visible) {
    Hits hits(nq, k);
    SearchParams params;
    params.k = k;
    if (const Status status = flatSearch(view, metric, queries.data(), nq, visible, params, {}, hits.buffer, nullptr); !status.ok()) fail(status.message);
    std::vector<int32_t> best(size_t{nq} * k, -1);
    for (size_t q = 0; q < nq; ++q) for (uint32_t i = 0; i < hits.counts[q]; ++i) best[q * k + i] = static_cast<int32_t>(hits.rows[q * k + i]);
    return best;
  };
  if (const std::string maskPath = option("--mask", ""); !maskPath.empty()) {
    const Npy mask = readNpy(maskPath);
    std::vector<uint64_t> words((rows + 63) / 64);
    for (uint32_t row = 0; row < rows; ++row) if (mask.bytes[row] != 0) words[row / 64] |= uint64_t{1} << (row % 64);
    const Bitset visible{words.data(), rows};
    if (const std::string path = option("--mask-truth", ""); !path.empty()) {
      const Npy maskTruth = readNpy(path);
      measure("mask", visible, maskTruth.as<int32_t>(), maskTruth.columns);
    } else {
      measure("mask", visible, exactTruth(visible).data(), k);
    }
  }
  if (options.count("--random-filters") != 0) {
    for (const double share : {0.5, 0.2, 0.1, 0.05, 0.01, 0.001}) {
      std::vector<uint64_t> words((rows + 63) / 64);
      uint64_t state = 88172645463325252u;
      for (uint32_t row = 0; row < rows; ++row) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if (static_cast<double>(state >> 11) * 0x1p-53 < share) words[row / 64] |= uint64_t{1} << (row % 64);
      }
      const Bitset visible{words.data(), rows};
      measure(("random " + std::to_string(share).substr(0, 5)).c_str(), visible, exactTruth(visible).data(), k);
    }
  }
  if (options.count("--growing") != 0) {
    GrowingGraphParams growing;
    growing.type = type;
    growing.dim = dim;
    growing.metric = metric;
    growing.rowsMax = rows;
    growing.m = build.m;
    if (const std::string efc = option("--growing-efc", ""); !efc.empty()) growing.efConstruction = static_cast<uint32_t>(std::stoul(efc));
    Result<std::unique_ptr<GrowingGraph>> made = GrowingGraph::create(growing);
    if (!made.status.ok()) fail(made.status.message);
    const double start = cpuSeconds();
    if (const Status status = made.value->add(view, {}, rows, {}); !status.ok()) fail(status.message);
    const double seconds = cpuSeconds() - start;
    std::printf("growing: %.0f adds/CPU s, %.1f MB beside the rows\n", rows / seconds, static_cast<double>(made.value->memoryBytes()) / 1e6);
    measure("growing", {}, truth.as<int32_t>(), truth.columns, made.value.get());
  }
  if (options.count("--flat") != 0) {
    for (const uint32_t block : {1u, 100u, 1000u}) {
      Hits hits(nq, k);
      SearchParams params;
      params.k = k;
      const uint32_t used = std::min(nq, block == 1 ? 100u : 1000u) / block * block;
      if (used == 0) continue;
      const double start = cpuSeconds();
      for (uint32_t q = 0; q + block <= used; q += block) {
        const HitBuffer part{hits.rows.data() + size_t{q} * k, hits.scores.data() + size_t{q} * k, hits.counts.data() + q};
        const Status status = flatSearch(view, metric, queries.data() + size_t{q} * rowBytes(type, dim), block, {}, params, {}, part, nullptr);
        if (!status.ok()) fail(status.message);
      }
      std::printf("flat, %3u queries a call: %.0f q/CPU s\n", block, used / (cpuSeconds() - start));
    }
  }
  return 0;
}
