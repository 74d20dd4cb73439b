import assert from "node:assert/strict";
import { test } from "node:test";
import { INDEX_TYPES } from "../roles/proxy/check/index-types.ts";
import { INDEX_EVENTS, SCALAR_INDEXES, VECTOR_INDEXES } from "./index-types.ts";

/** Another name for TRIE, and a type for which nothing is built. */
const LEFT_OUT: ReadonlySet<string> = new Set(["Trie", "RTREE"]);

test("every index type that is served is in the workload, and no other", () => {
  for (const family of ["vector", "scalar"] as const) {
    const served = [...INDEX_TYPES].flatMap(([name, type]) =>
      type.served && type.family === family && !LEFT_OUT.has(name) ? [name] : [],
    );
    const worked = family === "vector" ? VECTOR_INDEXES : Object.values(SCALAR_INDEXES).flat();
    assert.deepEqual(
      [...new Set(worked.map(({ name }) => name))].sort(),
      [...served, "AUTOINDEX"].sort(),
      family,
    );
  }
});

test("a run has to see each of them built, swapped, harmed, built anew and searched; those without a file searched", () => {
  assert.ok(INDEX_EVENTS.includes("DISKANN built anew"));
  assert.ok(INDEX_EVENTS.includes("TRIE on scalars missing"));
  assert.deepEqual(
    INDEX_EVENTS.filter((event) => /^(BIN_)?FLAT /.test(event)),
    ["FLAT searched", "BIN_FLAT searched"],
  );
});
