import assert from "node:assert/strict";
import { test } from "node:test";
import { attemptOfKey } from "./attempt-of-key.ts";

test("files of segments and delta logs name the attempt that wrote them", () => {
  assert.equal(attemptOfKey("segments/400/401/402/9007199254740993-7/manifest"), 9007199254740993n);
  assert.equal(attemptOfKey("deltas/400/by-dev_1_400v0/31-7-32"), 31n);
});

test("what no attempt wrote names none", () => {
  for (const key of ["segments/400/manifest", "segments/400/401/402/tmp/keys.idx", "deltas/400/x", "", "a"])
    assert.equal(attemptOfKey(key), undefined);
});
