// Search, retrieve, count.
#include "functions.h"

#include <cstring>

#include "jobs.h"

namespace redkite::binding {
namespace {

using segment::FilterInput;
using segment::SearchInput;
using segment::SearchOutput;
using segment::Segment;

/** A parsed filter with what it points to. */
struct Filter {
  filter::Program program;
  FilterInput input;
  std::vector<std::vector<uint64_t>> copies;

  const FilterInput* get() const { return input.program == nullptr ? nullptr : &input; }
};

/** Arguments i: program bytes or undefined, i + 1: [isTrue, isFalse] bitmaps one after the other. */
void readFilter(Call& call, size_t i, bool copy, Filter& out) {
  if (!call.has(i)) return;
  const std::vector<napi_value> bitmaps = call.list(i + 1);
  if (bitmaps.size() % 2 != 0) refuse("external bitmaps come in pairs");
  require(filter::Program::parse(call.bytes(i), static_cast<uint32_t>(bitmaps.size() / 2), out.program));
  out.input.program = &out.program;
  const auto words = [&](napi_value value) {
    const std::span<uint64_t> given = Call::typedOf<uint64_t>(call.env(), value, napi_biguint64_array, "BigUint64Array");
    if (!copy) return std::span<const uint64_t>(given);
    out.copies.emplace_back(given.begin(), given.end());
    return std::span<const uint64_t>(out.copies.back());
  };
  out.copies.reserve(bitmaps.size());
  for (size_t at = 0; at < bitmaps.size(); at += 2) {
    const std::span<const uint64_t> isTrue = words(bitmaps[at]);
    const std::span<const uint64_t> isFalse = words(bitmaps[at + 1]);
    const size_t count = std::min(isTrue.size(), isFalse.size());
    out.input.externals.push_back({isTrue.data(), isFalse.data(), static_cast<uint32_t>(std::min<size_t>(count, UINT32_MAX))});
  }
}

Metric metricOf(uint32_t number) {
  if (number > static_cast<uint32_t>(kLastMetric)) refuse("unknown metric");
  return static_cast<Metric>(number);
}

/**
 * (segment, fieldId, metric, nq, queries, queryOffsets, k, ef, exact, at, minBegin, program, externals, radius, rangeFilter, groupField,
 * groupSize, cancel, dropRatio, nprobe, refineRows, recallTarget, elementBytes, bands, estimate, k1, b, avgdl, groups)
 */
void readSearch(Call& call, SearchInput& in) {
  in.fieldId = static_cast<int64_t>(call.size(1));
  in.metric = metricOf(call.uint32(2));
  in.nq = call.uint32(3);
  in.queries = call.bytes(4);
  if (call.has(5)) in.queryOffsets = call.int32s(5);
  in.k = call.uint32(6);
  in.ef = call.uint32(7);
  in.exact = call.boolean(8);
  in.visibility = {call.bigint(9), call.bigint(10)};
  if (call.has(13)) {
    ScoreRange range;
    range.radius = static_cast<float>(call.number(13));
    range.hasRangeFilter = call.has(14);
    if (range.hasRangeFilter) range.rangeFilter = static_cast<float>(call.number(14));
    in.range = range;
  }
  if (call.has(15)) {
    in.groupField = static_cast<int64_t>(call.size(15));
  }
  in.groupSize = call.uint32(16);
  in.dropRatio = static_cast<float>(call.number(18));
  in.nprobe = call.uint32(19);
  in.refineRows = call.uint32(20);
  in.recallTarget = static_cast<float>(call.number(21));
  in.minHash = {call.uint32(22), call.uint32(23), call.boolean(24)};
  in.bm25 = {static_cast<float>(call.number(25)), static_cast<float>(call.number(26)), static_cast<float>(call.number(27))};
  if (call.has(28)) in.groups = call.int32s(28);
}

/** [starts, rows, scores, distances, path, visibleRows] */
napi_value makeHits(napi_env env, const SearchOutput& out) {
  void* data = nullptr;
  const napi_value starts = makeTyped(env, napi_int32_array, out.starts.size(), &data);
  std::memcpy(data, out.starts.data(), out.starts.size() * 4);
  const napi_value rows = makeTyped(env, napi_int32_array, out.rows.size(), &data);
  if (!out.rows.empty()) std::memcpy(data, out.rows.data(), out.rows.size() * 4);
  const napi_value scores = makeTyped(env, napi_float32_array, out.scores.size(), &data);
  if (!out.scores.empty()) std::memcpy(data, out.scores.data(), out.scores.size() * 4);
  return makeList(env, {starts, rows, scores, makeNumber(env, static_cast<double>(out.stats.distances)),
                        makeNumber(env, static_cast<double>(out.stats.path)), makeNumber(env, out.stats.visibleRows)});
}

/** Adds a slice to the graph of a growing segment, then comes back for the next unless the segment was closed meanwhile. */
void growInterim(std::weak_ptr<Segment> weak, int64_t fieldId, Metric metric) {
  const bool taken = submitBackground(Lane::build, [weak, fieldId, metric](CancelToken cancel) {
    const std::shared_ptr<Segment> segment = weak.lock();
    if (segment == nullptr) return;
    bool more = false;
    Status status;
    try {
      status = segment->interim()->advance(segment->snapshot(), fieldId, metric, cancel, more);
    } catch (const std::bad_alloc&) {
      more = false;
    }
    // Without memory, or at the end of the process, searches go on scanning what is not in the graph.
    if (status.ok() && more) growInterim(weak, fieldId, metric);
    else segment->interim()->release();
  });
  const std::shared_ptr<Segment> segment = taken ? nullptr : weak.lock();
  if (segment != nullptr) segment->interim()->release();
}

void followUp(const std::shared_ptr<Segment>& segment, const SearchInput& in, const SearchOutput& out) {
  if (out.wantsInterim && segment->interim()->claim()) growInterim(segment, in.fieldId, in.metric);
}

napi_value segmentSearch(Call& call) {
  const std::shared_ptr<Segment> segment = call.segment(0);
  SearchInput in;
  readSearch(call, in);
  Filter filter;
  readFilter(call, 11, false, filter);
  in.filter = filter.get();
  SearchOutput out;
  require(search(segment->snapshot(), in, call.cancel(17), out));
  followUp(segment, in, out);
  return makeHits(call.env(), out);
}

napi_value segmentSearchAsync(Call& call) {
  /** Everything that the search reads, copied away from JavaScript. */
  struct Request {
    std::shared_ptr<Segment> segment;
    SearchInput in;
    Filter filter;
    std::vector<uint8_t> queries;
    std::vector<int32_t> queryOffsets;
    std::vector<int32_t> groups;
    SearchOutput out;
  };
  auto request = std::make_shared<Request>();
  request->segment = call.segment(0);
  readSearch(call, request->in);
  readFilter(call, 11, true, request->filter);
  request->queries.assign(request->in.queries.begin(), request->in.queries.end());
  request->in.queries = request->queries;
  request->queryOffsets.assign(request->in.queryOffsets.begin(), request->in.queryOffsets.end());
  request->in.queryOffsets = request->queryOffsets;
  if (request->in.groups) {
    request->groups.assign(request->in.groups->begin(), request->in.groups->end());
    request->in.groups = request->groups;
  }
  request->in.filter = request->filter.get();
  Job job;
  if (call.has(17)) {
    job.cancelFlag = call.raw(17);
    job.cancelWord = const_cast<int32_t*>(call.cancel(17).word);
  }
  job.work = [request](CancelToken cancel) {
    Status status = search(request->segment->snapshot(), request->in, cancel, request->out);
    if (status.ok()) followUp(request->segment, request->in, request->out);
    return status;
  };
  job.answer = [request](napi_env env) { return makeHits(env, request->out); };
  return submit(call.env(), Lane::search, std::move(job));
}

/** segmentRetrieve(segment, at, minBegin, program, externals, limit, byKey, cancel) */
napi_value segmentRetrieve(Call& call) {
  const std::shared_ptr<Segment> segment = call.segment(0);
  Filter filter;
  readFilter(call, 3, false, filter);
  const double limit = call.number(5);
  if (!(limit >= -1 && limit <= 9007199254740992.0)) refuse("limit of a retrieval is " + std::to_string(limit) + ", -1 or more is allowed");
  std::vector<int32_t> rows;
  require(retrieve(segment->snapshot(), {call.bigint(1), call.bigint(2)}, filter.get(), static_cast<int64_t>(limit),
                   call.boolean(6) ? segment::Order::key : segment::Order::row, call.cancel(7), rows));
  void* data = nullptr;
  const napi_value out = makeTyped(call.env(), napi_int32_array, rows.size(), &data);
  if (!rows.empty()) std::memcpy(data, rows.data(), rows.size() * 4);
  return out;
}

/** segmentCount(segment, at, minBegin, program, externals, cancel) */
napi_value segmentCount(Call& call) {
  const std::shared_ptr<Segment> segment = call.segment(0);
  Filter filter;
  readFilter(call, 3, false, filter);
  const segment::Snapshot snapshot = segment->snapshot();
  segment::RowBitmap bitmap(snapshot.rows);
  uint32_t count = 0;
  require(matchingRows(snapshot, {call.bigint(1), call.bigint(2)}, filter.get(), call.cancel(5), bitmap.words(), count));
  return makeNumber(call.env(), count);
}

}  // namespace

void addReadFunctions(std::vector<Function>& to) {
  to.insert(to.end(), {
                          {"segmentSearch", wrap<segmentSearch>},
                          {"segmentSearchAsync", wrap<segmentSearchAsync>},
                          {"segmentRetrieve", wrap<segmentRetrieve>},
                          {"segmentCount", wrap<segmentCount>},
                      });
}

}  // namespace redkite::binding
