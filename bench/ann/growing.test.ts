import assert from "node:assert/strict";
import { test } from "node:test";
import { addsLine, growingLine, type GrowingPart } from "./growing.ts";

const part: GrowingPart = {
  from: 0,
  rows: 1000,
  ef: 64,
  add_cpu_s: 0.5,
  searches: 10,
  recall: 0.9812,
  search_us: 60,
  alone_before_us: 0,
  alone_after_us: 40,
  bytes: 1,
};

test("searches beside the adding thread are compared with those before and after the part", () => {
  assert.match(
    growingLine(part),
    /2000 adds per CPU s; recall 0\.9812, 60\.0 us.* 1\.50 x that without adds$/,
  );
  assert.match(growingLine({ ...part, from: 500, alone_before_us: 20 }), /1000 adds .* 2\.00 x/);
  const finished = { ...part, finished_us: 30, finished_recall: 0.99 };
  assert.match(growingLine(finished), /, 2\.00 x a finished HNSW's 30\.0 \(recall 0\.9900\)$/);
});

test("adds are compared with another library's by their CPU seconds", () => {
  const peer = { build_cpu_s: 4, build_s: 5, bytes: 1, resident_bytes: 1, peak_bytes: 1, queries: 1 };
  assert.equal(addsLine([part, part], peer, 2000), "adds: 2000 per CPU s, 4.00 x hnswlib (500)");
});
