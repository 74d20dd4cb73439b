import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { isRedkiteError } from "../../../errors/redkite-error.ts";
import { minHashSearch } from "./minhash-search-params.ts";

const index = {
  params: { index_type: "MINHASH_LSH", mh_element_bit_width: "32", mh_lsh_band: "16" },
};

test("signatures are read as the index reads them, whatever the request says", () => {
  const asked = {
    mh_search_with_jaccard: "True",
    refine_k: "30",
    mh_lsh_band: "3",
    mh_element_bit_width: "8",
  };
  deepEqual(minHashSearch(index, asked), {
    mh_search_with_jaccard: "True",
    refine_k: "30",
    mh_element_bit_width: "32",
    mh_lsh_band: "16",
  });
  deepEqual(minHashSearch(undefined, {}), { mh_element_bit_width: "8", mh_lsh_band: "1" });
});

test("wrong parameters of a signature search are refused in Milvus's words", () => {
  const cases: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
    [{ mh_search_with_jaccard: "maybe" }, "param 'mh_search_with_jaccard' (maybe) should be a boolean"],
    [{ mh_lsh_batch_search: "1.5" }, "param 'mh_lsh_batch_search' (1.5) should be a boolean"],
    [{ refine_k: "0" }, "param 'refine_k' (0) should be in range [1, 2147483647]"],
    [{ refine_k: "2147483648" }, "param 'refine_k' (2147483648) should be in range [1, 2147483647]"],
    [{ refine_k: "1.5" }, "param 'refine_k' (1.5) should be integer"],
  ];
  for (const [params, says] of cases) {
    let problem: unknown;
    try {
      minHashSearch(index, params);
    } catch (error) {
      problem = error;
    }
    ok(isRedkiteError(problem, "parameterInvalid"));
    equal(problem.message.includes(says), true, problem.message);
  }
});
