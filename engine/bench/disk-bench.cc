// The DISKANN index: what it costs to build, and recall, reads and memory of its searches.
//
//   disk-bench build --base base.npy --out FILE [--metric cosine|l2|ip] [--degree 56] [--list 100] [--codes 0.125] [--cache 0.1] [--threads 1]
//   disk-bench search --index FILE --queries queries.npy --truth truth.npy [--metric ...] [--lists 16,24,...] [--beam 4] [--k 10] [--single]
//
// Base and queries are float32 .npy, truth int32. Apart, so that each can be given its memory. Prints a line of JSON for the build and one for each width.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "npy.h"
#include "redkite/disk-index.h"

using namespace redkite;

namespace {

double cpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double wallSeconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

long peakBytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

/// What the kernel has read from disks for this process.
uint64_t kernelReadBytes() {
  std::ifstream io("/proc/self/io");
  for (std::string line; std::getline(io, line);) if (line.starts_with("read_bytes:")) return std::stoull(line.substr(11));
  return 0;
}

int build(std::map<std::string, std::string>& options, Metric metric) {
  // Moved, so that the rows are in memory once.
  const Npy base = readNpy(options["base"]);
  if (base.type != "<f4") fail("the base is not float32");
  DiskBuildParams params;
  params.metric = metric;
  params.maxDegree = static_cast<uint32_t>(std::stoul(options["degree"]));
  params.searchList = static_cast<uint32_t>(std::stoul(options["list"]));
  params.codesPerRow = std::stof(options["codes"]);
  params.cachedPerRow = std::stof(options["cache"]);
  params.threads = static_cast<uint32_t>(std::stoul(options["threads"]));
  const uint8_t* rows = base.bytes.data();
  const VectorView view = VectorView::contiguous(VectorType::f32, static_cast<uint32_t>(base.columns), static_cast<uint32_t>(base.rows), &rows);
  const double cpu = cpuSeconds();
  const double wall = wallSeconds();
  const Result<AlignedBytes> built = buildDisk(view, {}, params, {});
  if (!built.status.ok()) fail(built.status.message);
  const double spent = cpuSeconds() - cpu;
  const double took = wallSeconds() - wall;
  std::ofstream file(options["out"], std::ios::binary);
  file.write(reinterpret_cast<const char*>(built.value.data()), static_cast<std::streamsize>(built.value.size()));
  file.close();
  if (file.fail()) fail("cannot write " + options["out"]);
  std::printf("{\"build_cpu_s\": %.1f, \"build_s\": %.1f, \"bytes\": %zu, \"peak_bytes\": %ld, \"bytes_max\": %llu}\n", spent, took, built.value.size(), peakBytes(),
              static_cast<unsigned long long>(diskBuildBytesMax(view.type, view.dim, view.rows, params) + base.bytes.size()));
  return 0;
}

int search(std::map<std::string, std::string>& options) {
  const Npy queries = readNpy(options["queries"]);
  const Npy truth = readNpy(options["truth"]);
  if (queries.type != "<f4" || truth.type != "<i4" || truth.rows != queries.rows) fail("queries are float32 and the truth int32 of as many rows");
  const int mapped = ::open(options["index"].c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  if (mapped < 0 || fstat(mapped, &info) != 0) fail("cannot open " + options["index"]);
  const size_t bytes = static_cast<size_t>(info.st_size);
  // What others left in the page cache would be theirs in a limit of memory that counts it.
  fsync(mapped);
  posix_fadvise(mapped, 0, 0, POSIX_FADV_DONTNEED);
  void* data = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, mapped, 0);
  if (data == MAP_FAILED) fail("cannot map " + options["index"]);
  const int descriptor = DiskIndex::openForReads(mapped);
  const Result<DiskIndex> opened = DiskIndex::open(static_cast<const uint8_t*>(data), bytes, descriptor);
  if (!opened.status.ok()) fail(opened.status.message);
  const DiskIndex& index = opened.value;
  const uint32_t k = static_cast<uint32_t>(std::stoul(options["k"]));
  const uint32_t nq = static_cast<uint32_t>(queries.rows);
  DiskScratch scratch(options.contains("single") ? DiskReads::single : DiskReads::automatic);
  std::vector<uint32_t> rows(size_t{nq} * k), counts(nq);
  std::vector<float> scores(size_t{nq} * k);
  SearchParams params;
  params.k = k;
  DiskSearchParams disk;
  disk.beam = static_cast<uint32_t>(std::stoul(options["beam"]));
  const bool direct = descriptor >= 0 && (fcntl(descriptor, F_GETFL) & O_DIRECT) != 0;
  // Once round, so that what stays in memory is there.
  volatile uint8_t touched = 0;
  for (uint64_t at = 0; at < index.info().residentBytes; at += 4096) touched = static_cast<uint8_t*>(data)[at];
  (void)touched;
  std::stringstream lists(options["lists"]);
  for (std::string width; std::getline(lists, width, ',');) {
    disk.searchList = static_cast<uint32_t>(std::stoul(width));
    SearchStats stats;
    const uint64_t kernel = kernelReadBytes();
    const double cpu = cpuSeconds();
    const double wall = wallSeconds();
    const Status status = index.search(queries.bytes.data(), nq, {}, params, disk, {}, &scratch, {rows.data(), scores.data(), counts.data()}, &stats);
    if (!status.ok()) fail(status.message);
    const double spent = cpuSeconds() - cpu;
    const double took = wallSeconds() - wall;
    const double read = static_cast<double>(kernelReadBytes() - kernel) / 4096;
    uint32_t good = 0;
    for (uint32_t q = 0; q < nq; ++q) {
      const int32_t* exact = truth.as<int32_t>() + q * truth.columns;
      const std::set<uint32_t> near(exact, exact + k);
      for (uint32_t i = 0; i < counts[q]; ++i) good += near.contains(rows[size_t{q} * k + i]) ? 1u : 0u;
    }
    std::printf("{\"search_list\": %u, \"recall\": %.4f, \"reads\": %.1f, \"kernel_reads\": %.1f, \"distances\": %.0f, \"hops\": %.1f, \"cpu_us\": %.0f, \"wall_us\": %.0f, "
                "\"direct\": %s, \"resident_bytes\": %llu, \"peak_bytes\": %ld}\n",
                disk.searchList, good / (static_cast<double>(nq) * k), static_cast<double>(stats.reads) / nq, read / nq, static_cast<double>(stats.distances) / nq,
                static_cast<double>(stats.hops) / nq, spent / nq * 1e6, took / nq * 1e6, direct ? "true" : "false",
                static_cast<unsigned long long>(index.info().residentBytes), peakBytes());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  std::map<std::string, std::string> options{{"degree", "56"}, {"list", "100"}, {"codes", "0.125"}, {"cache", "0.1"}, {"threads", "1"}, {"lists", "16,20,24,32,40,50,64,80,100"}, {"beam", "4"}, {"k", "10"}, {"metric", "l2"}};
  for (int i = 2; i < argc; ++i) {
    const std::string name = argv[i];
    if (!name.starts_with("--")) fail("what is " + name);
    if (name == "--single") options["single"] = "";
    else if (i + 1 < argc) options[name.substr(2)] = argv[++i];
    else fail(name + " has no value");
  }
  const std::string& name = options["metric"];
  const Metric metric = name == "l2" ? Metric::l2 : name == "ip" ? Metric::ip : Metric::cosine;
  if (verb == "build") return build(options, metric);
  if (verb == "search") return search(options);
  fail("disk-bench build or disk-bench search");
  return 2;
}
