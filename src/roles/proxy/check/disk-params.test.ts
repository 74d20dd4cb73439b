import assert from "node:assert/strict";
import { test } from "node:test";
import { diskParams } from "./disk-params.ts";

test("a DISKANN index has Milvus's parameters where a request names none", () => {
  assert.deepEqual(diskParams({}), {
    index_type: "DISKANN",
    max_degree: "56",
    search_list_size: "100",
    pq_code_budget_gb_ratio: "0.125",
    search_cache_budget_gb_ratio: "0.1",
  });
});

test("parameters of a DISKANN index count within their bounds, and others stand for Milvus's", () => {
  const own = {
    index_type: "DISKANN",
    max_degree: "32",
    search_list_size: "65536",
    pq_code_budget_gb_ratio: "0.25",
    search_cache_budget_gb_ratio: "0.0",
  };
  assert.deepEqual(diskParams({ ...own, something: "else" }), own);
  for (const wrong of ["-1", "100.0", "True", "None", "", "0", "70000"]) {
    const { max_degree, search_list_size } = diskParams({ max_degree: wrong, search_list_size: wrong });
    assert.deepEqual([max_degree, search_list_size], ["56", "100"], wrong);
  }
  for (const wrong of ["-0.1", "0.31", "True", "NaN", "Infinity", "."]) {
    const params = diskParams({ pq_code_budget_gb_ratio: wrong, search_cache_budget_gb_ratio: wrong });
    assert.deepEqual(
      [params["pq_code_budget_gb_ratio"], params["search_cache_budget_gb_ratio"]],
      ["0.125", "0.1"],
      wrong,
    );
  }
});
