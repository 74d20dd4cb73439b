import assert from "node:assert/strict";
import { test } from "node:test";
import { commitOf } from "./checkout.ts";
import { requirementsOf } from "./python-environment.ts";

test("of the requirements only packages that are needed are installed", () => {
  const text =
    "--find-links https://x\n# pytest\npytest==8.3.4 # runner\n\npymilvus==9\nlocust==2\nnumpy>=2\n";
  assert.deepEqual(requirementsOf(text), ["pytest==8.3.4", "numpy>=2"]);
});

test("docs/compatibility.md names the commits of the suites", () => {
  for (const repository of ["milvus-io/milvus-sdk-node", "zhengbuqian/milvus", "milvus-io/pymilvus"])
    assert.match(commitOf(repository), /^[0-9a-f]{7,40}$/);
  assert.throws(() => commitOf("no/where"), /names no commit of no\/where/);
});
