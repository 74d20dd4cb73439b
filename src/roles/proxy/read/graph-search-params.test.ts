import { doesNotThrow, throws } from "node:assert/strict";
import { test } from "node:test";
import { VECTOR } from "../write/proxy-in-process.testing.ts";
import { checkGraphSearch } from "./graph-search-params.ts";
import type { SearchParams } from "./search-params.ts";

const params = (ef: string, more: Partial<SearchParams> = {}): SearchParams => ({
  field: VECTOR,
  limit: 10,
  offset: 5,
  metric: "",
  indexParams: { ef },
  radius: undefined,
  rangeFilter: undefined,
  roundDecimal: -1,
  groupBy: undefined,
  orderBy: [],
  ignoreGrowing: false,
  iterator: false,
  page: undefined,
  ...more,
});

test("a walk is at least as wide as the rows that are wanted", () => {
  throws(
    () => checkGraphSearch("HNSW", params("14")),
    /^RedkiteError: ef\(14\) should be larger than k\(15\)/,
  );
  doesNotThrow(() => checkGraphSearch("HNSW", params("15")));
  doesNotThrow(() => checkGraphSearch("FLAT", params("1")));
  doesNotThrow(() => checkGraphSearch("HNSW", params("14", { iterator: true })));
});

test("graphs over codes check how much is ranked again; those over products may be walked more narrowly", () => {
  const refined = (refine_k: string) => params("15", { indexParams: { ef: "15", refine_k } });
  for (const type of ["HNSW_SQ", "HNSW_PQ", "HNSW_PRQ"]) {
    doesNotThrow(() => checkGraphSearch(type, refined("2.5")));
    throws(() => checkGraphSearch(type, refined("0")), /Out of range in json: param 'refine_k' \(0\)/);
    throws(() => checkGraphSearch(type, params("0")), /param 'ef' \(0\) should be in range/);
  }
  doesNotThrow(() => checkGraphSearch("HNSW", refined("0")));
  throws(() => checkGraphSearch("HNSW_SQ", params("14")), /ef\(14\) should be larger than k\(15\)/);
  doesNotThrow(() => checkGraphSearch("HNSW_PQ", params("1")));
  doesNotThrow(() => checkGraphSearch("HNSW_PRQ", params("1")));
});

test("a width is a whole number within its range", () => {
  throws(
    () => checkGraphSearch("HNSW", params("0")),
    /param 'ef' \(0\) should be in range \[1, 2147483647\]/,
  );
  throws(() => checkGraphSearch("HNSW", params("many")), /param 'ef' \(many\) should be integer/);
});
