import assert from "node:assert/strict";
import { test } from "node:test";
import { keysFrom } from "./column-select.ts";
import { hashInt64Key, hashTextKey, routeKeys } from "./key-hash.ts";

// Computed with Go's hash/crc32 and github.com/spaolacci/murmur3, which are what Milvus calls.
const ints: [bigint, number][] = [
  [0n, 1669671676],
  [1n, 1392991556],
  [-1n, 1651860712],
  [10n, 1857498428],
  [1000n, 679959820],
  [4294967296n, 987256456],
  [-4294967296n, 1341596022],
  [9007199254740993n, 173845766],
  [9223372036854775807n, 40977599],
  [-9223372036854775808n, 1366273829],
  [449123456789012345n, 218466458],
];
const texts: [string, number][] = [
  ["", 0],
  ["a", 3904355907],
  ["ab", 2659403885],
  ["abcdef", 1267612143],
  ["milvus", 725768567],
  ["日本語", 2819314405],
  ["🪁 red kite", 732970563],
  ["x".repeat(99), 3754881318],
  ["x".repeat(100), 1577999759],
  ["x".repeat(101), 1577999759],
  ["é".repeat(50) + "tail", 2656795874],
  ["日".repeat(34), 2870271657],
];

test("int64 keys hash as in Milvus", () => {
  for (const [key, hash] of ints) assert.equal(hashInt64Key(key), hash, `${key}`);
});

test("string keys hash as in Milvus: by their first 100 bytes, even where these cut a character", () => {
  for (const [key, hash] of texts) assert.equal(hashTextKey(new TextEncoder().encode(key)), hash, key);
});

test("keys are routed by hash modulo the number of targets", () => {
  for (const targets of [1, 2, 3, 16, 1024]) {
    const byInt = routeKeys(
      keysFrom(
        "int64",
        ints.map(([key]) => key),
      ),
      targets,
    );
    assert.deepEqual(
      [...byInt],
      ints.map(([, hash]) => hash % targets),
    );
    const byText = routeKeys(
      keysFrom(
        "varchar",
        texts.map(([key]) => key),
      ),
      targets,
    );
    assert.deepEqual(
      [...byText],
      texts.map(([, hash]) => hash % targets),
    );
  }
  assert.equal(routeKeys(keysFrom("int64", []), 2).length, 0);
  assert.throws(() => routeKeys(keysFrom("int64", [1n]), 0), /0 targets/);
});
