import assert from "node:assert/strict";
import { test } from "node:test";
import { collectionSample } from "../../../../tests/fuzz/samples.ts";
import { vchannel } from "../../../model/ids.ts";
import { timestamp } from "../../../model/timestamp.ts";
import { NO_FILTER, scopeOn } from "./read-scope.ts";

test("a truncation hides rows from the reads behind it, and from those before it none", () => {
  const info = { ...collectionSample, properties: {}, truncatedAt: timestamp(100n) };
  const hiddenAt = (readAt: bigint): bigint => {
    const target = {
      info,
      readAt: timestamp(readAt),
      partitionIds: undefined,
      filter: NO_FILTER,
      ignoreGrowing: false,
    };
    return scopeOn(target, vchannel("dml_0_1v0")).minBegin;
  };
  assert.equal(hiddenAt(99n), 0n);
  assert.equal(hiddenAt(100n), 100n);
  assert.equal(hiddenAt(101n), 100n);
});
