// Building an inverted file: centroids from a sample, a list for each row, then the codes of all lists, one list at a time.
#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "calibrate.h"
#include "ivf-file.h"
#include "k-means.h"
#include "parallel.h"
#include "product-codes.h"
#include "redkite/crc32c.h"
#include "unless-out-of-memory.h"

namespace redkite {
namespace {

/// Fewer rows than this for each list are too few to say where its middle is.
constexpr uint32_t kRowsPerListMin = 39;
constexpr uint32_t kSamplePerList = 256;
constexpr uint32_t kIterations = 10;
constexpr uint32_t kCenterRows = 4096;
constexpr uint32_t kRowsAtATime = 256;

class Builder {
 public:
  Builder(const VectorView& view, const Bitset& indexed, const IvfBuildParams& params, const HnswBuildControl& control)
      : view_(view), indexed_(indexed), params_(params), control_(control), kind_(params.kind) {}

  Result<AlignedBytes> run() {
    if (Status status = checkParams(); !status.ok()) return {std::move(status), {}};
    planHeader();
    Status status = kind_ == IvfKind::binary ? clusterBinary() : cluster();
    if (status.ok()) status = assign();
    if (status.ok()) status = layOut();
    if (status.ok() && h_.copyAt != 0) status = writeCopy(view_, params_.metric, refineOf(h_), rows_, params_.threads, control_.cancel, at<uint8_t>(h_.copyAt));
    if (status.ok() && isProduct(kind_)) status = trainCodebooks();
    if (status.ok()) status = fillLists();
    if (status.ok()) status = sealHeader();
    if (status.ok()) status = measureProbes();
    if (!status.ok()) return {std::move(status), {}};
    sealSections();
    return {{}, std::move(file_)};
  }

 private:
  Status checkParams() const {
    const auto outside = [](const char* name, uint64_t value, uint64_t low, uint64_t high) {
      return Status::invalid(std::string(name) + " is " + std::to_string(value) + ", it must be " + std::to_string(low) + " to " + std::to_string(high));
    };
    if (view_.type == VectorType::sparse || !metricIndexed(view_.type, params_.metric) || (view_.type == VectorType::binary) != (kind_ == IvfKind::binary)) {
      return Status::invalid("metric " + std::to_string(static_cast<int>(params_.metric)) + " and index kind " + std::to_string(static_cast<int>(kind_)) +
                             " do not exist for vector type " + std::to_string(static_cast<int>(view_.type)));
    }
    const uint32_t dimMax = view_.type == VectorType::binary ? kDimMax * 8 : kDimMax;
    if (view_.dim == 0 || view_.dim > dimMax) return outside("dimension", view_.dim, 1, dimMax);
    if (view_.rows > kRowsMax) return outside("row count", view_.rows, 0, kRowsMax);
    if (params_.lists == 0 || params_.lists > kIvfListsMax) return outside("nlist", params_.lists, 1, kIvfListsMax);
    if (kind_ == IvfKind::scann && view_.dim % 2 != 0) return Status::invalid("dimension is " + std::to_string(view_.dim) + ", SCANN needs an even one");
    if (kind_ != IvfKind::pq) return {};
    if (params_.nbits == 0 || params_.nbits > 8) return outside("nbits", params_.nbits, 1, 8);
    if (params_.subs == 0 || params_.subs > view_.dim || view_.dim % params_.subs != 0) {
      return Status::invalid("m is " + std::to_string(params_.subs) + ", it must divide the dimension " + std::to_string(view_.dim));
    }
    return {};
  }

  void planHeader() {
    for (uint32_t row = 0; row < view_.rows; ++row) if (indexed_.test(row)) rows_.push_back(row);
    h_ = {};
    h_.magic = kIvfMagic;
    h_.version = kIvfVersion;
    h_.kind = static_cast<uint8_t>(kind_);
    h_.type = static_cast<uint8_t>(view_.type);
    h_.metric = static_cast<uint8_t>(params_.metric);
    h_.refine = kind_ == IvfKind::scann || kind_ == IvfKind::rabitq ? static_cast<uint8_t>(refineOf(view_.type, params_.refine)) : 0;
    h_.dim = view_.dim;
    h_.rows = view_.rows;
    h_.nodes = static_cast<uint32_t>(rows_.size());
    h_.lists = std::max(1u, std::min(params_.lists, h_.nodes / kRowsPerListMin));
    h_.seed = params_.seed;
    if (kind_ == IvfKind::pq) h_.subs = params_.subs, h_.nbits = static_cast<uint8_t>(params_.nbits);
    if (kind_ == IvfKind::scann) h_.subs = view_.dim / 2, h_.nbits = 4;
    if (kind_ == IvfKind::rabitq) h_.subs = codeGroups(view_.dim), h_.nbits = 4;
  }

  bool l2() const { return params_.metric == Metric::l2; }
  const float* centerOrNull() const { return l2() ? center_.data() : nullptr; }
  const float* signsOrNull() const { return signs_.empty() ? nullptr : signs_.data(); }
  RowPreparer preparer() const { return {view_.type, params_.metric, view_.dim, centerOrNull(), signsOrNull()}; }

  std::vector<uint32_t> sampleRows(uint64_t wanted, uint64_t seed) const {
    TrainingRandom random(seed);
    std::vector<uint32_t> sample = sampleOf(h_.nodes, static_cast<uint32_t>(std::min<uint64_t>(wanted, h_.nodes)), random);
    for (uint32_t& at : sample) at = rows_[at];
    return sample;
  }

  Status cluster() {
    const uint32_t dim = view_.dim;
    center_.assign(dim, 0.0f);
    if (l2()) {
      std::vector<float> row(dim);
      std::vector<double> sums(dim, 0.0);
      const RowPreparer plain(view_.type, Metric::l2, dim, nullptr, nullptr);
      const std::vector<uint32_t> sample = sampleRows(kCenterRows, params_.seed + 1);
      for (const uint32_t id : sample) {
        plain.prepare(view_.row(id), row.data());
        for (uint32_t d = 0; d < dim; ++d) sums[d] += static_cast<double>(row[d]) / static_cast<double>(sample.size());
      }
      for (uint32_t d = 0; d < dim; ++d) center_[d] = std::isfinite(static_cast<float>(sums[d])) ? static_cast<float>(sums[d]) : 0.0f;
    }
    if (kind_ == IvfKind::rabitq) {
      TrainingRandom random(params_.seed + 2);
      signs_.resize(size_t{kRotationRounds} * dim);
      for (float& sign : signs_) sign = (random.next() & 1) != 0 ? 1.0f : -1.0f;
    }
    const std::vector<uint32_t> sample = sampleRows(uint64_t{kSamplePerList} * h_.lists, params_.seed + 3);
    CodedPoints points;
    points.resize(static_cast<uint32_t>(sample.size()), dim);
    const RowPreparer prepare = preparer();
    Status status = parallelFor(params_.threads, points.count, kRowsAtATime, control_.cancel, [&] {
      return [&, row = std::vector<float>(dim)](uint32_t begin, uint32_t end) mutable {
        for (uint32_t i = begin; i < end; ++i) {
          prepare.prepare(view_.row(sample[i]), row.data());
          points.set(i, row.data(), dim);
        }
      };
    });
    if (!status.ok()) return status;
    Result<std::vector<float>> trained = trainCentroids(points, dim, {h_.lists, kIterations, params_.threads, params_.seed}, control_.cancel);
    centroids_ = std::move(trained.value);
    return std::move(trained.status);
  }

  Status clusterBinary() {
    const std::vector<uint32_t> sample = sampleRows(uint64_t{kSamplePerList} * h_.lists, params_.seed + 3);
    std::vector<const uint8_t*> rows(sample.size());
    for (size_t i = 0; i < sample.size(); ++i) rows[i] = view_.row(sample[i]);
    Result<std::vector<uint8_t>> trained = trainBinaryCentroids(rows.data(), static_cast<uint32_t>(rows.size()), view_.dim / 8,
                                                                {h_.lists, kIterations, params_.threads, params_.seed}, control_.cancel);
    bits_ = std::move(trained.value);
    return std::move(trained.status);
  }

  /// The list of each row.
  Status assign() {
    listOf_.resize(rows_.size());
    if (kind_ == IvfKind::binary) {
      std::vector<const uint8_t*> centroids(h_.lists);
      for (uint32_t list = 0; list < h_.lists; ++list) centroids[list] = bits_.data() + size_t{list} * (view_.dim / 8);
      return parallelFor(params_.threads, h_.nodes, kRowsAtATime, control_.cancel, [&] {
        return [&](uint32_t begin, uint32_t end) {
          for (uint32_t i = begin; i < end; ++i) {
            const uint8_t* row = view_.row(rows_[i]);
            nearestBinary(centroids, view_.dim / 8, &row, 0, 1, &listOf_[i]);
          }
        };
      });
    }
    CoarseView coarse{h_.lists, codeGroups(view_.dim), nullptr, nullptr};
    std::vector<uint8_t> codes(coarse.codeBytes());
    std::vector<float> rows(size_t{coarse.blocks()} * 2 * kBlockRows);
    packCoarse(centroids_.data(), h_.lists, view_.dim, codes.data(), rows.data());
    coarse.codes = codes.data();
    coarse.rows = rows.data();
    const RowPreparer prepare = preparer();
    return parallelFor(params_.threads, h_.nodes, kRowsAtATime, control_.cancel, [&] {
      CodedPoints points;
      points.resize(kRowsAtATime, view_.dim);
      return [&, points = std::move(points), row = std::vector<float>(view_.dim)](uint32_t begin, uint32_t end) mutable {
        for (uint32_t i = begin; i < end; ++i) {
          prepare.prepare(view_.row(rows_[i]), row.data());
          points.set(i - begin, row.data(), view_.dim);
        }
        nearestCoarse(coarse, points, 0, end - begin, listOf_.data() + begin);
      };
    });
  }

  /// Sizes are known: makes the file, and fills in everything but factors, codes and codebooks.
  Status layOut() {
    std::vector<uint32_t> sizes(h_.lists, 0);
    for (const uint32_t list : listOf_) ++sizes[list];
    uint64_t blocks = 0;
    for (const uint32_t size : sizes) blocks += (size + kBlockRows - 1) / kBlockRows;
    h_.blocks = static_cast<uint32_t>(blocks);
    placeSections(h_);
    file_ = AlignedBytes::allocate(h_.bytes);
    if (file_.data() == nullptr) return Status::outOfMemory();
    std::memcpy(file_.data(), &h_, sizeof(h_));
    uint32_t* starts = at<uint32_t>(h_.startsAt);
    uint32_t* ids = at<uint32_t>(h_.idsAt);
    std::memcpy(at<uint32_t>(h_.sizesAt), sizes.data(), sizes.size() * 4);
    for (uint32_t list = 0; list < h_.lists; ++list) starts[list + 1] = starts[list] + (sizes[list] + kBlockRows - 1) / kBlockRows;
    std::fill(ids, ids + size_t{h_.blocks} * kBlockRows, 0xffffffffu);
    std::vector<uint32_t> next(h_.lists, 0);
    for (uint32_t i = 0; i < h_.nodes; ++i) {
      const uint32_t list = listOf_[i];
      ids[size_t{starts[list]} * kBlockRows + next[list]++] = rows_[i];
    }
    if (kind_ == IvfKind::binary) {
      std::memcpy(at<uint8_t>(h_.centroidsAt), bits_.data(), bits_.size());
      return {};
    }
    std::memcpy(at<float>(h_.centerAt), center_.data(), center_.size() * 4);
    std::memcpy(at<float>(h_.centroidsAt), centroids_.data(), centroids_.size() * 4);
    packCoarse(centroids_.data(), h_.lists, view_.dim, at<uint8_t>(h_.coarseCodesAt), at<float>(h_.coarseRowsAt));
    if (!signs_.empty()) std::memcpy(at<float>(h_.codebooksAt), signs_.data(), signs_.size() * 4);
    return {};
  }

  template <class T>
  T* at(uint64_t offset) {
    return reinterpret_cast<T*>(file_.data() + offset);
  }

  ProductShape shape() const { return {view_.dim, h_.subs, 1, h_.nbits}; }

  /// One codebook for each subspace, from residuals of a sample.
  Status trainCodebooks() {
    const uint32_t dim = view_.dim;
    TrainingRandom random(params_.seed + 4);
    const std::vector<uint32_t> sample = sampleOf(h_.nodes, static_cast<uint32_t>(std::min<uint64_t>(productSampleRows(shape()), h_.nodes)), random);
    std::vector<float> residuals(sample.size() * dim);
    const RowPreparer prepare = preparer();
    for (size_t i = 0; i < sample.size(); ++i) {
      float* residual = residuals.data() + i * dim;
      prepare.prepare(view_.row(rows_[sample[i]]), residual);
      const float* centroid = centroids_.data() + size_t{listOf_[sample[i]]} * dim;
      for (uint32_t d = 0; d < dim; ++d) residual[d] -= centroid[d];
    }
    return trainProductBooks(residuals, static_cast<uint32_t>(sample.size()), shape(), params_.threads, params_.seed + 5, control_.cancel, at<float>(h_.codebooksAt));
  }

  Status fillLists() {
    if (control_.progress != nullptr) __atomic_store_n(control_.progress, 0, __ATOMIC_RELAXED);
    const RowPreparer prepare = preparer();
    return parallelFor(params_.threads, h_.lists, 1, control_.cancel, [&] {
      std::optional<Product> product;
      if (isProduct(kind_)) product.emplace(Product{ProductEncoder(shape(), at<float>(h_.codebooksAt)), std::vector<uint8_t>(h_.subs), std::vector<float>(view_.dim)});
      return [&, product = std::move(product), row = std::vector<float>(view_.dim)](uint32_t begin, uint32_t end) mutable {
        for (uint32_t list = begin; list < end; ++list) fillList(list, prepare, row, product);
      };
    });
  }

  /// What a thread codes products with.
  struct Product {
    ProductEncoder encoder;
    std::vector<uint8_t> codes;
    std::vector<float> left;
  };

  void fillList(uint32_t list, const RowPreparer& prepare, std::vector<float>& row, std::optional<Product>& product) {
    const uint32_t* starts = at<uint32_t>(h_.startsAt);
    const uint32_t size = at<uint32_t>(h_.sizesAt)[list];
    const uint32_t* ids = at<uint32_t>(h_.idsAt) + size_t{starts[list]} * kBlockRows;
    for (uint32_t i = 0; i < size; ++i) {
      const uint32_t block = starts[list] + i / kBlockRows;
      const uint32_t r = i % kBlockRows;
      uint8_t* codes = at<uint8_t>(h_.codesAt) + block * blockBytes(h_);
      if (kind_ == IvfKind::binary) {
        std::memcpy(codes + size_t{r} * (view_.dim / 8), view_.row(ids[i]), view_.dim / 8);
      } else {
        const bool finite = prepare.prepare(view_.row(ids[i]), row.data());
        const float* centroid = centroids_.data() + size_t{list} * view_.dim;
        for (uint32_t d = 0; d < view_.dim; ++d) row[d] -= centroid[d];
        float* factors = at<float>(h_.factorsAt) + size_t{block} * factorArrays(h_) * kBlockRows + r;
        if (kind_ == IvfKind::rabitq) codeBits(row.data(), centroid, r, codes, factors);
        else if (product) codeProduct(row, centroid, r, codes, factors, *product);
        else codeScalar(row.data(), centroid, r, codes, factors, finite);
      }
      if (control_.progress != nullptr && r + 1 == kBlockRows) __atomic_fetch_add(control_.progress, static_cast<int32_t>(kBlockRows), __ATOMIC_RELAXED);
    }
    if (control_.progress != nullptr) __atomic_fetch_add(control_.progress, static_cast<int32_t>(size % kBlockRows), __ATOMIC_RELAXED);
  }

  /// |residual|^2 + 2 centroid . residual: what an l2 distance has beside the product of query and residual.
  float l2Constant(const float* residual, const float* centroid) const {
    double sum = 0;
    for (uint32_t d = 0; d < view_.dim; ++d) {
      sum += static_cast<double>(residual[d]) * (static_cast<double>(residual[d]) + 2 * static_cast<double>(centroid[d]));
    }
    return static_cast<float>(sum);
  }

  void codeScalar(const float* residual, const float* centroid, uint32_t r, uint8_t* codes, float* factors, bool finite) const {
    const uint32_t dim = view_.dim;
    const float scale = packRow(residual, dim, r, codes);
    factors[0] = scale;
    factors[kBlockRows] = l2() ? l2Constant(residual, centroid) : 0.0f;
    if (kind_ != IvfKind::flat) return;
    // Rows that are no vectors may be anywhere: always compared exactly.
    const float error = codingError(residual, dim, r, codes, scale) * 1.001f;
    const float metric = l2() ? 2.0f : 1.0f;
    factors[2 * kBlockRows] = finite ? error * metric : std::numeric_limits<float>::infinity();
    factors[3 * kBlockRows] = (lengthOf(residual, dim) + error) * metric;
  }

  void codeProduct(const std::vector<float>& residual, const float* centroid, uint32_t r, uint8_t* codes, float* factors, Product& product) const {
    product.left = residual;
    product.encoder.encode(product.left.data(), product.codes.data());
    for (uint32_t s = 0; s < h_.subs; ++s) {
      const uint32_t e = product.codes[s];
      if (shape().room() == 256) codes[size_t{s} * kBlockRows + r] = static_cast<uint8_t>(e);
      else codes[size_t{s} * 16 + r % 16] |= static_cast<uint8_t>(r < 16 ? e : e << 4);
    }
    if (!l2()) return;
    for (uint32_t d = 0; d < view_.dim; ++d) product.left[d] = residual[d] - product.left[d];
    factors[0] = l2Constant(product.left.data(), centroid);
  }

  /// Signs, and what makes their product with a query an unbiased estimate (RaBitQ): residual . query ~= factor * (signs . query), taken for
  /// the query less the centroid.
  void codeBits(const float* residual, const float* centroid, uint32_t r, uint8_t* codes, float* factors) const {
    double squared = 0;
    double absolute = 0;
    double signsDotCentroid = 0;
    double residualDotCentroid = 0;
    for (uint32_t d = 0; d < view_.dim; ++d) {
      const double value = static_cast<double>(residual[d]);
      const bool positive = residual[d] > 0;
      if (positive) codes[size_t{d / 4} * 16 + r % 16] |= static_cast<uint8_t>((1 << d % 4) << (r < 16 ? 0 : 4));
      squared += value * value;
      absolute += std::fabs(value);
      signsDotCentroid += positive ? static_cast<double>(centroid[d]) : -static_cast<double>(centroid[d]);
      residualDotCentroid += value * static_cast<double>(centroid[d]);
    }
    const double factor = absolute > 0 ? squared / absolute : 0;
    factors[0] = static_cast<float>(factor);
    factors[kBlockRows] = static_cast<float>(l2() ? squared + 2 * factor * signsDotCentroid : factor * signsDotCentroid - residualDotCentroid);
  }

  Status sealHeader() {
    const uint32_t crc = crc32c(file_.data(), offsetof(IvfHeader, crc));
    std::memcpy(file_.data() + offsetof(IvfHeader, crc), &crc, sizeof(crc));
    return {};
  }

  /// The curves of nprobe, on rows that are in the lists.
  Status measureProbes() {
    const uint32_t held = heldOutRows(view_.type, view_.dim, h_.nodes);
    if (held == 0) return {};
    const Result<IvfIndex> index = IvfIndex::open(file_.data(), file_.size());
    if (!index.status.ok()) return index.status;
    // For each curve about twice the exact answer's work.
    CalibrationPlan plan{view_, indexed_, params_.metric, HeldOut::inside, {}, 0, h_.lists, uint64_t{h_.nodes} * held * 2, params_.threads, control_.cancel};
    for (uint32_t i = 0; i < held; ++i) plan.candidates.push_back(rows_[uint64_t{i} * rows_.size() / held]);
    const Result<WidthCurves> curves = calibrate(plan, [&](const uint8_t* queries, uint32_t nq, uint32_t nprobe, const SearchParams& params, const HitBuffer& out, SearchStats& stats) {
      return index.value.search(view_, queries, nq, indexed_, params, {nprobe, 0}, control_.cancel, out, &stats);
    });
    if (!curves.status.ok()) return curves.status;
    std::memcpy(file_.data() + sizeof(IvfHeader), &curves.value, sizeof(WidthCurves));
    return {};
  }

  void sealSections() {
    uint32_t* checksums = at<uint32_t>(h_.checksumsAt);
    for (uint64_t block = 0; block < checksumBlocks(h_); ++block) {
      const uint64_t begin = sizeof(IvfHeader) + block * kIvfChecksumBlock;
      checksums[block] = crc32c(file_.data() + begin, std::min(kIvfChecksumBlock, h_.checksumsAt - begin));
    }
    if (control_.progress != nullptr) __atomic_store_n(control_.progress, static_cast<int32_t>(h_.nodes), __ATOMIC_RELAXED);
  }

  const VectorView& view_;
  const Bitset& indexed_;
  const IvfBuildParams& params_;
  const HnswBuildControl& control_;
  IvfKind kind_;
  IvfHeader h_{};
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> listOf_;
  std::vector<float> center_;
  std::vector<float> signs_;
  std::vector<float> centroids_;
  std::vector<uint8_t> bits_;
  AlignedBytes file_;
};

}  // namespace

Result<AlignedBytes> buildIvf(const VectorView& view, const Bitset& indexed, const IvfBuildParams& params, const HnswBuildControl& control) {
  return unlessOutOfMemory([&] { return Builder(view, indexed, params, control).run(); });
}

uint64_t ivfBuildBytesMax(VectorType type, uint32_t dim, uint32_t rows, const IvfBuildParams& params) {
  IvfHeader h{};
  h.version = kIvfVersion;
  h.kind = static_cast<uint8_t>(params.kind);
  h.metric = static_cast<uint8_t>(params.metric);
  h.refine = static_cast<uint8_t>(refineOf(type, params.refine));
  h.dim = dim;
  h.rows = h.nodes = rows;
  h.lists = std::max(1u, std::min(params.lists, rows / kRowsPerListMin));
  h.subs = params.kind == IvfKind::pq ? params.subs : params.kind == IvfKind::scann ? dim / 2 : params.kind == IvfKind::rabitq ? codeGroups(dim) : 0;
  h.nbits = params.kind == IvfKind::pq ? static_cast<uint8_t>(params.nbits) : 4;
  h.blocks = rows / kBlockRows + h.lists;
  placeSections(h);
  const uint64_t sample = std::min<uint64_t>(uint64_t{kSamplePerList} * h.lists, rows);
  const bool binary = type == VectorType::binary;
  const uint64_t points = sample * (binary ? 16 : dim + 3 + 8 + 12);
  const uint64_t centroids = uint64_t{h.lists} * (binary ? dim / 8 : dim * 4 + codeGroups(dim) * 4 + 64) + 65536;
  const uint64_t residuals = isProduct(params.kind) ? productSampleRows({dim, h.subs, 1, h.nbits}) * dim * 4 + codebookFloats(h) * 4 : 0;
  const uint64_t perThread = uint64_t{dim} * (binary ? 40 : 8 + kRowsAtATime) + (isProduct(params.kind) ? uint64_t{h.subs} * 2048 : 0) + 65536;
  return h.bytes + calibrationBytesMax(type, dim, rows, params.threads) + uint64_t{rows} * 16 + points + 2 * centroids + residuals + params.threads * perThread;
}

}  // namespace redkite
