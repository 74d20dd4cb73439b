import assert from "node:assert/strict";
import { test } from "node:test";
import { engineContract } from "../../tests/contract/engine-contract.ts";
import {
  batchOf,
  keyField,
  randomRows,
  sequentialKeys,
  ts,
} from "../../tests/contract/engine/segment-fixture.ts";
import { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import { ReferenceEngine } from "./reference-engine.ts";

engineContract("reference engine", () => new ReferenceEngine());

test("memory beyond the limit is refused and comes back with what is closed", () => {
  const engine = new ReferenceEngine({ memoryBytesMax: 4096 });
  const half = engine.allocate(2048);
  assert.throws(
    () => engine.allocate(2049),
    (error) => isRedkiteError(error, "serviceMemoryLimitExceeded"),
  );
  half.close();
  engine.allocate(4096).close();
  const segment = engine.createGrowing({ fields: [keyField()], rowsMax: 1000, seed: 1 });
  segment.append(batchOf(randomRows(Prng.fromSeed(1), [keyField()], sequentialKeys("int64", 0, 200))), ts(1));
  assert.throws(
    () => engine.allocate(2048),
    (error) => isRedkiteError(error, "serviceMemoryLimitExceeded"),
  );
  segment.close();
  assert.equal(engine.memoryBytes(), 0);
});
