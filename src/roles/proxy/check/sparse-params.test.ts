import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSparseNumber, sparseParams } from "./sparse-params.ts";

test("an index over sparse vectors keeps its type alone, whatever algorithm and numbers are named", () => {
  const given = { inverted_index_algo: "SINDI", drop_ratio_build: "0.9", bm25_k1: "3", bm25_b: "1" };
  assert.deepEqual(sparseParams("SPARSE_WAND", { ...given, bm25_avgdl: "100" }), {
    index_type: "SPARSE_WAND",
  });
  assert.throws(
    () => sparseParams("SPARSE_WAND", { bm25_k1: "-0.1" }),
    /^[^]*Out of range in json: param 'bm25_k1' \(-0\.1\) should be in range \[0\.000000, 3\.000000\]/,
  );
});

test("numbers of searches over sparse vectors have knowhere's bounds", () => {
  checkSparseNumber("drop_ratio_search", 0.99);
  checkSparseNumber("bm25_b", 1);
  checkSparseNumber("bm25_avgdl", 1e30);
  const wrong = [
    ["drop_ratio_search", 1, "[0.000000, 1.000000)"],
    ["bm25_b", 1.5, "[0.000000, 1.000000]"],
    ["bm25_k1", NaN, "[0.000000, 3.000000]"],
    ["bm25_avgdl", 1e39, "[0.000000, 340282346638528859811704183484516925440.000000]"],
  ] as const;
  for (const [name, value, range] of wrong)
    assert.throws(
      () => {
        checkSparseNumber(name, value);
      },
      ({ message }: Error) => message.includes(`param '${name}' (${value}) should be in range ${range}`),
    );
});
