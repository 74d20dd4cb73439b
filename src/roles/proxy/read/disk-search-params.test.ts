import { doesNotThrow, throws } from "node:assert/strict";
import { test } from "node:test";
import { VECTOR } from "../write/proxy-in-process.testing.ts";
import { checkDiskSearch } from "./disk-search-params.ts";
import type { SearchParams } from "./search-params.ts";

const params = (indexParams: Record<string, string>, more: Partial<SearchParams> = {}): SearchParams => ({
  field: VECTOR,
  limit: 10,
  offset: 5,
  metric: "",
  indexParams,
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

test("a walk through an index on disk is at least as wide as the rows that are wanted", () => {
  const message = /^RedkiteError: search_list_size\(14\) should be larger than k\(15\)/;
  throws(() => checkDiskSearch("DISKANN", params({ search_list: "14" })), message);
  throws(() => checkDiskSearch("DISKANN", params({ search_list_size: "14" })), message);
  throws(() => checkDiskSearch("DISKANN", params({ search_list: "14", search_list_size: "100" })), message);
  for (const width of ["15", "2147483647"])
    doesNotThrow(() => checkDiskSearch("DISKANN", params({ search_list: width })));
  doesNotThrow(() => checkDiskSearch("DISKANN", params({ beam_width_ratio: "17.0" })));
  doesNotThrow(() => checkDiskSearch("HNSW", params({ search_list: "1" })));
});

test("ranges and pages widen the walk themselves", () => {
  const narrow = { search_list: "1" };
  doesNotThrow(() => checkDiskSearch("DISKANN", params(narrow, { radius: 1 })));
  doesNotThrow(() => checkDiskSearch("DISKANN", params(narrow, { iterator: true })));
});

test("widths that are none are refused in knowhere's words", () => {
  const bad: readonly (readonly [string, string])[] = [
    ["0", "Out of range in json: param 'search_list_size' (0) should be in range [1, 2147483647]"],
    ["-1", "param 'search_list_size' (-1) should be in range [1, 2147483647]"],
    ["100.0", "Type conflict in json: param 'search_list_size' (100.0) should be integer"],
    ["true", "Type conflict in json: param 'search_list_size' (true) should be integer"],
    ["None", "Type conflict in json: param 'search_list_size' (null) should be integer"],
  ];
  for (const [text, message] of bad) {
    throws(
      () => checkDiskSearch("DISKANN", params({ search_list: text })),
      (error: Error) => error.message.includes(message),
      text,
    );
  }
});
