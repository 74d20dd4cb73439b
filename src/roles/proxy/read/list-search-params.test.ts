import { doesNotThrow, throws } from "node:assert/strict";
import { test } from "node:test";
import { checkListSearch } from "./list-search-params.ts";

type Params = Readonly<Record<string, string>>;

test("search parameters of other index types are ignored", () => {
  for (const nprobe of ["-1", "0", "65537", "x"]) doesNotThrow(() => checkListSearch("HNSW", { nprobe }, 10));
  doesNotThrow(() => checkListSearch("IVF_FLAT", { reorder_k: "1", refine_k: "0" }, 10));
});

test("search parameters of lists are accepted within their bounds", () => {
  const good: readonly (readonly [string, Params])[] = [
    ["IVF_FLAT", {}],
    ["IVF_FLAT", { nprobe: "65536" }],
    ["BIN_IVF_FLAT", { nprobe: "1" }],
    ["SCANN", { nprobe: "8", reorder_k: "10" }],
    ["IVF_RABITQ", { rbq_bits_query: "8", refine_k: "1.5" }],
  ];
  for (const [type, params] of good) doesNotThrow(() => checkListSearch(type, params, 10));
});

test("search parameters of lists are refused in knowhere's words", () => {
  const bad: readonly (readonly [string, Params, string])[] = [
    ["IVF_FLAT", { nprobe: "0" }, "Out of range in json: param 'nprobe' (0) should be in range [1, 65536]"],
    ["IVF_SQ8", { nprobe: "65537" }, "should be in range [1, 65536]"],
    ["IVF_PQ", { nprobe: "true" }, "Type conflict in json: param 'nprobe' (true) should be integer"],
    ["SCANN", { reorder_k: "9" }, "reorder_k(9) should be larger than k(10)"],
    ["IVF_RABITQ", { rbq_bits_query: "9" }, "param 'rbq_bits_query' (9) should be in range [0, 8]"],
    ["IVF_RABITQ", { refine_k: "0.5" }, "param 'refine_k' (0.5) should be in range [1.000000, 3402"],
    ["IVF_RABITQ", { refine_k: "true" }, "param 'refine_k' (true) should be a number"],
  ];
  for (const [type, params, words] of bad) {
    throws(
      () => checkListSearch(type, params, 10),
      (error: Error) => error.message.includes(words),
      words,
    );
  }
});
