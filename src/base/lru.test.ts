import test from "node:test";
import { deepEqual, equal, throws } from "node:assert/strict";
import { Lru } from "./lru.ts";

test("the least recently used entry goes first, and reading counts as use", () => {
  const evicted: string[] = [];
  const lru = new Lru<string, number>({ entriesMax: 2, onEvict: (key) => evicted.push(key) });
  lru.set("a", 1);
  lru.set("b", 2);
  equal(lru.get("a"), 1);
  lru.set("c", 3);
  deepEqual(evicted, ["b"]);
  deepEqual(
    [...lru.entries()],
    [
      ["a", 1],
      ["c", 3],
    ],
  );
});

test("peek and has do not count as use", () => {
  const lru = new Lru<string, number>({ entriesMax: 2 });
  lru.set("a", 1);
  lru.set("b", 2);
  equal(lru.peek("a"), 1);
  equal(lru.has("a"), true);
  lru.set("c", 3);
  equal(lru.has("a"), false);
  equal(lru.get("missing"), undefined);
});

test("bytes bound the cache, and a value larger than the whole is not kept", () => {
  const evicted: string[] = [];
  const lru = new Lru<string, string>({
    entriesMax: 100,
    bytesMax: 10,
    bytesOf: (value) => value.length,
    onEvict: (key) => evicted.push(key),
  });
  lru.set("a", "1234");
  lru.set("b", "1234");
  equal(lru.bytes, 8);
  lru.set("c", "123456");
  deepEqual(evicted, ["a"]);
  equal(lru.bytes, 10);
  equal(lru.set("b", "12345678901"), false);
  equal(lru.has("b"), false);
  equal(lru.bytes, 6);
});

test("replacing, deleting and clearing keep the byte count and do not call it eviction", () => {
  const evicted: string[] = [];
  const lru = new Lru<string, number>({
    entriesMax: 4,
    bytesMax: 100,
    bytesOf: (value) => value,
    onEvict: (key) => evicted.push(key),
  });
  lru.set("a", 10);
  lru.set("a", 20);
  equal(lru.bytes, 20);
  equal(lru.delete("a"), true);
  equal(lru.delete("a"), false);
  equal(lru.bytes, 0);
  lru.set("b", 5);
  lru.clear();
  deepEqual([lru.size, lru.bytes, evicted], [0, 0, []]);
});

test("a cached undefined-like value is still an entry", () => {
  const lru = new Lru<string, number>({ entriesMax: 1 });
  lru.set("zero", 0);
  equal(lru.get("zero"), 0);
  throws(() => new Lru<string, number>({ entriesMax: 0 }), /at least 1 entry/);
});

test("what is not there can be made where it is asked for, once", () => {
  const lru = new Lru<string, object>({ entriesMax: 2 });
  const made = lru.getOrMake("a", () => ({}));
  equal(
    lru.getOrMake("a", () => ({})),
    made,
  );
  equal(lru.size, 1);
});
