// Building, attaching and detaching indexes.
#include "functions.h"

#include "../src/filter/scalar-index.h"
#include "../src/segment/key-index.h"
#include "jobs.h"

namespace redkite::binding {
namespace {

using segment::Buffer;
using segment::Segment;
using segment::Snapshot;

/** Arguments i: cancel flag, i + 1: progress; runs in the pool or, when i + 2 is false, here. */
napi_value runBuild(Call& call, size_t i, std::function<Status(CancelToken, int32_t*, std::shared_ptr<Buffer>&)> build) {
  const std::span<int32_t> progress = call.int32s(i + 1);
  if (progress.empty()) refuse("a build's progress has no word");
  const CancelToken cancel = call.cancel(i);
  int32_t* word = progress.data();
  if (!call.boolean(i + 2)) {
    std::shared_ptr<Buffer> out;
    require(build(cancel, word, out));
    return makeBuffer(call.env(), std::move(out));
  }
  auto out = std::make_shared<std::shared_ptr<Buffer>>();
  Job job;
  if (cancel.word != nullptr) {
    job.cancelFlag = call.raw(i);
    job.cancelWord = const_cast<int32_t*>(cancel.word);
  }
  job.keep = call.raw(i + 1);
  job.work = [build = std::move(build), word, out](CancelToken token) { return build(token, word, *out); };
  job.answer = [out](napi_env env) { return makeBuffer(env, std::move(*out)); };
  return submit(call.env(), Lane::build, std::move(job));
}

/**
 * buildVectorIndex(segment, fieldId, metric, kind, m, efConstruction, lists, subs, nbits, levels, refine, codesPerRow, cachedPerRow, elementBytes,
 * bands, k1, b, threads, seed, cancel, progress, async)
 */
napi_value buildVector(Call& call) {
  const std::shared_ptr<Segment> source = call.segment(0);
  segment::VectorIndexInput input;
  input.fieldId = static_cast<int64_t>(call.size(1));
  const uint32_t metric = call.uint32(2);
  if (metric > static_cast<uint32_t>(kLastMetric)) refuse("unknown metric");
  input.metric = static_cast<Metric>(metric);
  const uint32_t kind = call.uint32(3);
  if (kind > static_cast<uint32_t>(segment::kLastVectorIndexKind)) refuse("unknown index kind");
  input.kind = static_cast<segment::VectorIndexKind>(kind);
  input.m = call.uint32(4);
  input.efConstruction = call.uint32(5);
  input.lists = call.uint32(6);
  input.subs = call.uint32(7);
  input.nbits = call.uint32(8);
  input.levels = call.uint32(9);
  const uint32_t refine = call.uint32(10);
  if (refine > static_cast<uint32_t>(kLastRefine)) refuse("unknown refinement");
  input.refine = static_cast<Refine>(refine);
  input.codesPerRow = static_cast<float>(call.number(11));
  input.cachedPerRow = static_cast<float>(call.number(12));
  input.elementBytes = call.uint32(13);
  input.bands = call.uint32(14);
  input.bm25.k1 = static_cast<float>(call.number(15));
  input.bm25.b = static_cast<float>(call.number(16));
  input.threads = call.uint32(17);
  input.seed = call.size(18);
  return runBuild(call, 19, [source, input](CancelToken cancel, int32_t* progress, std::shared_ptr<Buffer>& out) {
    return buildVectorIndex(source->snapshot(), input, cancel, progress, out);
  });
}

/** buildScalarIndex(segment, fieldId, bitmap, cancel, progress, async) */
napi_value buildScalar(Call& call) {
  const std::shared_ptr<Segment> source = call.segment(0);
  const auto fieldId = static_cast<int64_t>(call.size(1));
  const auto kind = call.boolean(2) ? filter::ScalarIndexKind::bitmap : filter::ScalarIndexKind::sorted;
  return runBuild(call, 3, [source, fieldId, kind](CancelToken cancel, int32_t* progress, std::shared_ptr<Buffer>& out) {
    const Snapshot snapshot = source->snapshot();
    const segment::ColumnView* column = snapshot.column(fieldId);
    if (column == nullptr) return Status::invalid("the segment has no field " + std::to_string(fieldId));
    return buildScalarIndex(*column, snapshot.rows, kind, cancel, progress, out);
  });
}

/** buildKeyIndex(segment) */
napi_value buildKeys(Call& call) {
  const std::shared_ptr<Segment> source = call.segment(0);
  const Snapshot snapshot = source->snapshot();
  std::shared_ptr<Buffer> out;
  require(segment::buildKeyIndex(*snapshot.key(), snapshot.rows, out));
  return makeBuffer(call.env(), std::move(out));
}

/** segmentAttachIndex(segment, fieldId, buffer) */
napi_value segmentAttachIndex(Call& call) {
  require(call.segment(0)->attachIndex(static_cast<int64_t>(call.size(1)), call.buffer(2)));
  return undefined(call.env());
}

/** segmentDetachIndex(segment, fieldId) */
napi_value segmentDetachIndex(Call& call) {
  call.segment(0)->detachIndex(static_cast<int64_t>(call.size(1)));
  return undefined(call.env());
}

}  // namespace

void addIndexFunctions(std::vector<Function>& to) {
  to.insert(to.end(), {
                          {"buildVectorIndex", wrap<buildVector>},
                          {"buildScalarIndex", wrap<buildScalar>},
                          {"buildKeyIndex", wrap<buildKeys>},
                          {"segmentAttachIndex", wrap<segmentAttachIndex>},
                          {"segmentDetachIndex", wrap<segmentDetachIndex>},
                      });
}

}  // namespace redkite::binding
