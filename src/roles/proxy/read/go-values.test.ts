import assert from "node:assert/strict";
import { test } from "node:test";
import { parseGoBool, parseGoInt } from "./go-values.ts";

test("whole numbers are read as Go reads them", () => {
  assert.deepEqual(
    ["0", "10", "-7", "+3", "0x1f", "017", "0b11", "0o7"].map(parseGoInt),
    [0, 10, -7, 3, 31, 15, 3, 7],
  );
  for (const text of ["", " 1", "1.0", "1e3", "089", "ten", "99999999999999999999"])
    assert.equal(parseGoInt(text), undefined, text);
});

test("so are truth values", () => {
  assert.deepEqual(["True", "t", "1", "FALSE", "0"].map(parseGoBool), [true, true, true, false, false]);
  assert.equal(parseGoBool("yes"), undefined);
});
