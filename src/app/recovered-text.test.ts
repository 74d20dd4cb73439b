import assert from "node:assert/strict";
import { test } from "node:test";
import { recoveredText } from "./recovered-text.ts";

test("a new folder is called new, and one without collections empty", () => {
  const nothing = { collections: 0, segments: 0, rows: 0 };
  assert.equal(recoveredText(undefined, nothing), "new");
  assert.equal(recoveredText({ records: 0, bytes: 0 }, nothing), "empty");
});

test("what was there is counted: collections, what is in files, and the log behind it", () => {
  assert.equal(
    recoveredText({ records: 12, bytes: 1_250_000 }, { collections: 2, segments: 1, rows: 115_659 }),
    "recovered 2 collections, 115659 rows in 1 segment, 12 records (1.3 MB) of the log",
  );
});
