// Searching: a walk by the codes in memory that reads the blocks of the nodes it expands, a few at a time, and uses all that a block holds;
// or, where a filter makes that the longer way, all visible rows by their codes and the best of them from disk.
#include <algorithm>
#include <cmath>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "block-reader.h"
#include "hnsw-file.h"
#include "hnsw-walk.h"
#include "top-hits.h"

namespace redkite {

struct DiskScratch::State {
  explicit State(DiskReads reads) : reader(reads) {}

  BlockReader reader;
  Pool pool;
  NodeSet visited;
  std::vector<float> wide;
  std::vector<float> tables;
  std::vector<RankedRow> ranked;
  std::vector<uint64_t> blocks;
  TopHits top;
};

DiskScratch::DiskScratch(DiskReads reads) : state_(std::make_unique<State>(reads)) {}
DiskScratch::~DiskScratch() = default;
DiskScratch::DiskScratch(DiskScratch&&) noexcept = default;
DiskScratch& DiskScratch::operator=(DiskScratch&&) noexcept = default;

namespace {

constexpr uint32_t kSearchListMin = 16;
/// What a block from disk costs, in rows compared by their codes.
constexpr double kReadCost = 1500;
/// The same for one of many that are read in their order.
constexpr double kReadCostInOrder = 400;
/// Of the neighbours of an expanded node, those not met before.
constexpr double kFreshShare = 0.45;
/// Blocks that a scan asks for together.
constexpr uint32_t kBlocksInOrder = 32;
/// Rows that a scan by codes has to choose from, for each that it would rank if the codes were exact.
constexpr uint32_t kCandidatesPerHit = 16;

class DiskSearch {
 public:
  DiskSearch(const DiskParts& parts, int descriptor, const Bitset& visible, const SearchParams& params, const DiskSearchParams& disk, CancelToken cancel,
             DiskScratch::State& state, const HitBuffer& out, SearchStats* stats)
      : parts_(parts), h_(parts.header), descriptor_(descriptor), metric_(static_cast<Metric>(h_.metric)), type_(static_cast<VectorType>(h_.type)), visible_(visible),
        params_(params), beam_(std::clamp(disk.beam, 1u, BlockReader::kBlocksMax)), cancel_(cancel), s_(state), out_(out), stats_(stats), scorer_(type_, metric_, h_.dim),
        layer_{nullptr, h_.maxDegree, h_.rows, nullptr, h_.rows} {
    visibleRows_ = visible.all() ? h_.nodes : visible.count(h_.rows);
    width_ = std::max(disk.searchList == 0 ? std::max(params.k, kSearchListMin) : disk.searchList, params.k);
  }

  Status run(const uint8_t* queries, uint32_t nq) {
    const uint64_t pagesBefore = s_.reader.pages();
    prepareNorms();
    for (uint32_t q = 0; q < nq; ++q) {
      if (cancel_.raised()) return Status::canceled();
      out_.counts[q] = 0;
      if (visibleRows_ == 0 || h_.nodes == 0) continue;
      query_ = q;
      counts_ = {};
      const uint8_t* bytes = queries + q * rowBytes(type_, h_.dim);
      scorer_.setQuery(bytes);
      setTables(bytes);
      if (Status status = searchOne(); !status.ok()) return status;
      if (stats_ != nullptr) {
        stats_->distances += counts_.distances;
        stats_->hops += counts_.hops;
        stats_->bytes += counts_.distances * h_.subs;
      }
    }
    if (stats_ == nullptr) return {};
    stats_->reads += s_.reader.pages() - pagesBefore;
    stats_->bytes += (s_.reader.pages() - pagesBefore) * kDiskPage;
    stats_->visibleRows = visibleRows_;
    return {};
  }

 private:
  bool widening() const { return params_.range != nullptr || params_.group != nullptr; }
  double share() const { return static_cast<double>(visibleRows_) / h_.nodes; }

  /// Squared lengths of the entries of all books: with them a table of products becomes one of distances. [subs][room]
  void prepareNorms() {
    if (metric_ != Metric::l2) return;
    const ProductShape shape = diskShape(h_.dim, h_.subs);
    norms_.assign(size_t{shape.subs} * shape.room(), 0.0f);
    for (uint32_t s = 0; s < shape.subs; ++s) {
      for (uint32_t d = 0; d < shape.width(); ++d) {
        const float* entries = parts_.books + (size_t{s} * shape.width() + d) * shape.room();
        float* norms = norms_.data() + size_t{s} * shape.room();
        for (uint32_t e = 0; e < shape.room(); ++e) norms[e] += entries[e] * entries[e];
      }
    }
  }

  void setTables(const uint8_t* bytes) {
    const ProductShape shape = diskShape(h_.dim, h_.subs);
    s_.wide.assign(shape.dim, 0.0f);
    widenRow(type_, bytes, h_.dim, s_.wide.data());
    double squared = 0;
    for (uint32_t d = 0; d < h_.dim; ++d) {
      if (metric_ == Metric::l2) s_.wide[d] -= parts_.center[d];
      squared += static_cast<double>(s_.wide[d]) * static_cast<double>(s_.wide[d]);
    }
    // Codes are those of unit vectors. The query's length does not change their order, but what compares them with exact distances.
    codeScale_ = metric_ == Metric::cosine ? std::sqrt(squared) : 1;
    s_.tables.resize(size_t{shape.subs} * shape.room());
    kernels().list.products(s_.wide.data(), parts_.books, shape.subs, shape.width(), shape.room(), s_.tables.data());
    for (size_t i = 0; i < norms_.size(); ++i) s_.tables[i] = 2 * s_.tables[i] - norms_[i];
    space_.codes = parts_.codes;
    space_.stride = h_.subs;
    space_.tables = s_.tables.data();
    space_.room = shape.room();
    space_.factor = 1;
    space_.constant = metric_ == Metric::l2 ? static_cast<float>(squared) : 0.0f;
  }

  /// In rows compared by their codes: nodes expanded, each with its block, until as many visible ones are among them as a walk without a filter keeps.
  double walkCost(double width) const { return width / share() * (kReadCost + h_.maxDegree * kFreshShare); }
  double scanCost(double width) const {
    return visibleRows_ + (widening() ? std::min<double>(visibleRows_, h_.blocks) * kReadCostInOrder : std::min<double>(visibleRows_, rankedByCodes(width)) * kReadCost);
  }
  double rankedByCodes(double width) const { return std::max(width, 2.0 * params_.k + 32); }

  Status searchOne() {
    const uint32_t wanted = std::min(params_.k, visibleRows_);
    double width = width_;
    SearchPath scanPath = SearchPath::flat;
    while (walkCost(width) < scanCost(width)) {
      const uint32_t room = static_cast<uint32_t>(std::min<double>(std::ceil(width / share()), h_.nodes));
      if (Status status = walk(room); !status.ok()) return status;
      std::sort(s_.ranked.begin(), s_.ranked.end());
      const Written written = writeHits(s_.ranked, params_, metric_, query_, out_);
      const bool enough = widening() ? written.full || beyondRadius() || room == h_.nodes : written.hits >= wanted && keptVisible() * 2 >= std::min<double>(width, visibleRows_);
      if (enough) {
        reached(SearchPath::graph);
        return {};
      }
      scanPath = SearchPath::graphThenExact;
      if (!widening()) break;
      width *= 2;
    }
    reached(scanPath);
    return widening() ? scanBlocks() : scanCodes(static_cast<uint32_t>(std::min<double>(rankedByCodes(width_), visibleRows_)));
  }

  void reached(SearchPath path) {
    if (stats_ != nullptr && stats_->path < path) stats_->path = path;
  }

  /// Visible rows in the pool. A filter that leaves few of those near the query, however many it lets through, is none for a walk.
  double keptVisible() const {
    if (visible_.all()) return s_.pool.size();
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s_.pool.size(); ++i) kept += visible_.test(nodeOf(s_.pool.at(i)));
    return kept;
  }

  /// Whether the candidates reach past the radius: wider walks would only find more beyond it. By their codes, since what was ranked are also rows that
  /// only share a block with one of them.
  bool beyondRadius() const {
    if (params_.range == nullptr || s_.pool.size() == 0 || codeScale_ == 0) return false;
    const double farthest = static_cast<double>(distanceOfCandidate(s_.pool.at(s_.pool.size() - 1))) / codeScale_;
    const double score = largerIsBetter(metric_) ? -farthest : farthest;
    return largerIsBetter(metric_) ? !(score > static_cast<double>(params_.range->radius)) : !(score < static_cast<double>(params_.range->radius));
  }

  uint32_t blockOf(uint32_t row) const { return parts_.places[row] / h_.nodesPerBlock; }

  /// Leaves the nearest by code in the pool, and in s_.ranked the exact distances of all visible rows in the blocks that were read.
  Status walk(uint32_t room) {
    s_.ranked.clear();
    s_.pool.reset(room);
    s_.visited.reset(h_.rows);
    Batch<TableSpace> starts(layer_, space_);
    for (uint32_t i = 0; i < h_.starts; ++i) {
      const uint32_t row = parts_.starts[i];
      if (!starts.hasRoom(1)) starts.flush(s_.pool, counts_);
      if (row < h_.rows && s_.visited.add(row)) starts.add(row);
    }
    starts.flush(s_.pool, counts_);
    uint32_t at = 0;
    for (;;) {
      if (cancel_.raised()) return Status::canceled();
      uint32_t blocks[BlockReader::kBlocksMax];
      Candidate chosen[BlockReader::kBlocksMax];
      const uint8_t* read[BlockReader::kBlocksMax];
      uint32_t n = 0;
      uint32_t fromDisk = 0;
      for (; at < s_.pool.size() && fromDisk < beam_ && n < BlockReader::kBlocksMax; ++at) {
        if (s_.pool.expanded(at)) continue;
        const uint32_t node = nodeOf(s_.pool.at(at));
        const uint32_t block = blockOf(node);
        // A damaged place: the row is none.
        if (block >= h_.blocks) {
          s_.pool.expand(at);
          continue;
        }
        if (std::find(blocks, blocks + n, block) != blocks + n) continue;
        // What is in memory comes first: it may bring better ones than would be read beside it.
        if (block < h_.cachedBlocks && fromDisk == 0) {
          blocks[0] = block;
          chosen[0] = s_.pool.at(at);
          n = 1;
          break;
        }
        fromDisk += block >= h_.cachedBlocks;
        chosen[n] = s_.pool.at(at);
        blocks[n++] = block;
      }
      if (n == 0) return {};
      if (Status status = s_.reader.read(parts_, descriptor_, blocks, n, read); !status.ok()) return status;
      for (uint32_t i = 0; i < n; ++i) {
        if (!holds(read[i], nodeOf(chosen[i]))) return misplaced(nodeOf(chosen[i]), blocks[i]);
        useBlock(read[i]);
        // Expanded, or pushed out by better ones: it must not be chosen again.
        const uint32_t position = s_.pool.find(chosen[i]);
        if (position != s_.pool.capacity()) s_.pool.expand(position);
      }
      for (at = 0; at < s_.pool.size() && s_.pool.expanded(at);) ++at;
    }
  }

  bool holds(const uint8_t* block, uint32_t row) const {
    for (uint32_t place = 0; place < h_.nodesPerBlock; ++place) {
      if (nodeIn(h_, block, place).row() == row) return true;
    }
    return false;
  }

  static Status misplaced(uint32_t row, uint32_t block) {
    return Status::corrupted("DISKANN index: row " + std::to_string(row) + " is not in block " + std::to_string(block) + ", where it should be");
  }

  /// Ranks the rows of a block, and expands those that the pool has or takes.
  void useBlock(const uint8_t* block) {
    rankBlock(block, [this](RankedRow hit) { s_.ranked.push_back(hit); });
    Batch<TableSpace> batch(layer_, space_);
    const auto flush = [&] { batch.flush(s_.pool, counts_); };
    for (uint32_t place = 0; place < h_.nodesPerBlock; ++place) {
      const DiskNode node = nodeIn(h_, block, place);
      const uint32_t row = node.row();
      if (row >= h_.rows) continue;
      float distance;
      space_.distances(&row, 1, &distance);
      const Candidate self = candidate(distance, row);
      if (s_.visited.add(row)) {
        ++counts_.distances;
        s_.pool.insert(self);
      }
      const uint32_t position = s_.pool.find(self);
      if (position == s_.pool.capacity() || s_.pool.expanded(position)) continue;
      s_.pool.expand(position);
      ++counts_.hops;
      gatherLinks(layer_, reinterpret_cast<const uint32_t*>(node.at + 4), s_.visited, batch, flush);
      flush();
    }
  }

  /// Hands the exact distances of a block's visible rows to `take`.
  template <class Take>
  void rankBlock(const uint8_t* block, Take take) {
    const uint8_t* vectors[kScorerBatch];
    uint32_t rows[kScorerBatch];
    float distances[kScorerBatch];
    for (uint32_t begin = 0; begin < h_.nodesPerBlock; begin += kScorerBatch) {
      uint32_t n = 0;
      for (uint32_t place = begin; place < std::min(h_.nodesPerBlock, begin + kScorerBatch); ++place) {
        const DiskNode node = nodeIn(h_, block, place);
        if (node.row() >= h_.rows || !visible_.test(node.row())) continue;
        rows[n] = node.row();
        vectors[n++] = node.vector();
      }
      scorer_.distances(vectors, n, distances);
      for (uint32_t i = 0; i < n; ++i) take(rankedRow(distances[i], rows[i]));
      counts_.distances += n;
      if (stats_ != nullptr) stats_->exactDistances += n;
    }
  }

  template <class Use>
  void forVisible(Use use) const {
    for (uint32_t word = 0; uint64_t{word} * 64 < h_.rows; ++word) {
      for (uint64_t bits = visible_.word(word, h_.rows); bits != 0; bits &= bits - 1) {
        const uint32_t row = word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
        // A row without a vector, or a damaged place.
        if (blockOf(row) < h_.blocks) use(row);
      }
    }
  }

  /// Compares all visible rows by their codes, then ranks the best of them, with whatever else their blocks hold, until the error of the codes does
  /// not hide a better one. Its size is learnt on the way: far from the query rows lie so densely that it decides their order.
  Status scanCodes(uint32_t best) {
    s_.top.reset(std::min<uint64_t>(visibleRows_, uint64_t{best} * kCandidatesPerHit));
    uint32_t rows[kWalkBatch];
    float distances[kWalkBatch];
    uint32_t n = 0;
    const auto compare = [&] {
      space_.distances(rows, n, distances);
      for (uint32_t i = 0; i < n; ++i) s_.top.add(rankedRow(distances[i], rows[i]));
      counts_.distances += n;
      n = 0;
    };
    forVisible([&](uint32_t row) {
      rows[n++] = row;
      space_.prefetch(row);
      if (n == kWalkBatch) compare();
    });
    compare();
    const std::vector<RankedRow>& near = s_.top.sorted();
    s_.blocks.assign((size_t{h_.blocks} + 63) / 64, 0);
    s_.ranked.clear();
    double squares = 0;
    uint64_t errors = 0;
    const auto rank = [&](RankedRow hit) {
      s_.ranked.push_back(hit);
      const uint32_t row = rowOf(hit);
      float byCode;
      space_.distances(&row, 1, &byCode);
      const double error = static_cast<double>(byCode) - static_cast<double>(distanceOf(hit)) * codeScale_;
      if (!std::isfinite(error)) return;
      squares += error * error;
      ++errors;
    };
    for (size_t at = 0; at < near.size();) {
      uint32_t blocks[kBlocksInOrder];
      uint32_t chosen = 0;
      for (; at < near.size() && chosen < kBlocksInOrder; ++at) {
        if (mark(rowOf(near[at]))) blocks[chosen++] = blockOf(rowOf(near[at]));
      }
      if (Status status = useBlocks(blocks, chosen, rank); !status.ok()) return status;
      if (at < near.size() && s_.ranked.size() >= params_.k && errors > 0) {
        std::nth_element(s_.ranked.begin(), s_.ranked.begin() + params_.k - 1, s_.ranked.end());
        const double reach = static_cast<double>(distanceOf(s_.ranked[params_.k - 1])) * codeScale_ + 3 * std::sqrt(squares / static_cast<double>(errors));
        if (static_cast<double>(distanceOf(near[at])) > reach) break;
      }
    }
    std::sort(s_.ranked.begin(), s_.ranked.end());
    writeHits(s_.ranked, params_, metric_, query_, out_);
    return {};
  }

  /// Ranks all visible rows.
  Status scanBlocks() {
    s_.blocks.assign((size_t{h_.blocks} + 63) / 64, 0);
    forVisible([this](uint32_t row) { mark(row); });
    s_.top.reset(params_.group == nullptr ? std::min(params_.k, visibleRows_) : visibleRows_);
    const auto take = [this](RankedRow hit) {
      if (hit < s_.top.worst() && inRange(params_, metric_, distanceOf(hit))) s_.top.add(hit);
    };
    uint32_t blocks[kBlocksInOrder];
    uint32_t n = 0;
    for (uint32_t word = 0; word < s_.blocks.size(); ++word) {
      for (uint64_t bits = s_.blocks[word]; bits != 0; bits &= bits - 1) {
        blocks[n++] = word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
        if (n < kBlocksInOrder) continue;
        if (Status status = useBlocks(blocks, n, take); !status.ok()) return status;
        n = 0;
      }
    }
    if (Status status = useBlocks(blocks, n, take); !status.ok()) return status;
    writeHits(s_.top.sorted(), params_, metric_, query_, out_);
    return {};
  }

  /// Whether the block of a row was not marked before.
  bool mark(uint32_t row) {
    const uint32_t block = blockOf(row);
    uint64_t& word = s_.blocks[block >> 6];
    const uint64_t before = word;
    word |= uint64_t{1} << (block & 63);
    return word != before;
  }

  template <class Take>
  Status useBlocks(const uint32_t* blocks, uint32_t n, Take take) {
    if (cancel_.raised()) return Status::canceled();
    const uint8_t* read[BlockReader::kBlocksMax];
    Status status = s_.reader.read(parts_, descriptor_, blocks, n, read);
    for (uint32_t i = 0; i < n && status.ok(); ++i) rankBlock(read[i], take);
    return status;
  }

  const DiskParts& parts_;
  const DiskHeader& h_;
  int descriptor_;
  Metric metric_;
  VectorType type_;
  const Bitset& visible_;
  const SearchParams& params_;
  uint32_t beam_;
  CancelToken cancel_;
  DiskScratch::State& s_;
  const HitBuffer& out_;
  SearchStats* stats_;
  Scorer scorer_;
  Layer layer_;
  TableSpace space_;
  double codeScale_ = 1;  ///< of distances by codes, in exact ones
  std::vector<float> norms_;
  WalkCounts counts_;
  uint32_t visibleRows_ = 0;
  uint32_t width_ = 0;
  uint32_t query_ = 0;
};

}  // namespace

Status DiskIndex::search(const uint8_t* queries, uint32_t nq, const Bitset& visible, const SearchParams& params, const DiskSearchParams& disk,
                         CancelToken cancel, DiskScratch* scratch, const HitBuffer& out, SearchStats* stats) const {
  if (data_ == nullptr) return Status::invalid("DISKANN index: not opened");
  if (Status status = checkSearch(params, out); !status.ok()) return status;
  try {
    const DiskParts parts = DiskParts::of(*this);
    std::optional<DiskScratch> own;
    DiskScratch& used = scratch == nullptr ? own.emplace() : *scratch;
    SearchParams wide = params;
    wide.ef = disk.searchList;
    DiskSearchParams asked = disk;
    asked.searchList = efOf(nullptr, wide, parts.header.nodes);
    return DiskSearch(parts, descriptor_, visible, params, asked, cancel, used.state(), out, stats).run(queries, nq);
  } catch (const std::bad_alloc&) {
    return Status::outOfMemory();
  }
}

}  // namespace redkite
