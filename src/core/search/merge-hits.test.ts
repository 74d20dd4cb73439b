import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { keyAt, keysFrom } from "../../format/column-select.ts";
import type { MetricType } from "../../model/read.ts";
import { mergeHits, type HitList, type MergeSpec } from "./merge-hits.ts";

type Hit = readonly [score: number, key: bigint | string, group?: string];

/** One list; hits of each query best first. */
function list(...queries: readonly (readonly Hit[])[]): HitList {
  const hits = queries.flat();
  let end = 0;
  const kind = typeof hits[0]?.[1] === "string" ? "varchar" : "int64";
  return {
    starts: Int32Array.from([0, ...queries.map(({ length }) => (end += length))]),
    scores: Float32Array.from(hits, ([score]) => score),
    keys: keysFrom(
      kind,
      hits.map(([, key]) => key),
    ),
    groups: hits.some(([, , group]) => group !== undefined)
      ? hits.map(([, , group]) => group ?? "")
      : undefined,
  };
}

function merged(lists: readonly HitList[], spec: Partial<MergeSpec> = {}): (bigint | string)[][] {
  const { starts, source, position } = mergeHits(lists, {
    metric: "L2",
    nq: 1,
    k: 10,
    groupSize: 1,
    ...spec,
  });
  return Array.from({ length: starts.length - 1 }, (_, q) =>
    Array.from({ length: (starts[q + 1] ?? 0) - (starts[q] ?? 0) }, (_, i) => {
      const at = (starts[q] ?? 0) + i;
      const from = lists[source[at] ?? 0];
      assert.ok(from !== undefined);
      return keyAt(from.keys, position[at] ?? 0);
    }),
  );
}

test("the smallest distances or the largest similarities come first, k of them", () => {
  const lists = [
    list([
      [1, 1n],
      [4, 4n],
    ]),
    list([
      [2, 2n],
      [3, 3n],
    ]),
    list([]),
  ];
  assert.deepEqual(merged(lists, { k: 3 }), [[1n, 2n, 3n]]);
  const similar = [
    list([
      [0.9, 1n],
      [0.1, 4n],
    ]),
    list([[0.5, 2n]]),
  ];
  assert.deepEqual(merged(similar, { metric: "COSINE", k: 2 }), [[1n, 2n]]);
});

test("queries do not mix, and those without hits stay empty", () => {
  const lists = [list([[1, 1n]], [], [[5, 5n]]), list([[2, 2n]], [], [[4, 4n]])];
  assert.deepEqual(merged(lists, { nq: 3 }), [[1n, 2n], [], [5n, 4n].toReversed()]);
  assert.deepEqual(merged([], { nq: 2 }), [[], []]);
});

test("equal scores are in the order of their keys, whatever list they are in", () => {
  const a = list([
    [1, 7n],
    [1, 9n],
  ]);
  const b = list([
    [1, -3n],
    [1, 8n],
  ]);
  assert.deepEqual(merged([a, b]), merged([b, a]));
  assert.deepEqual(merged([a, b]), [[-3n, 7n, 8n, 9n]]);
  const texts = [
    list([
      [1, "b"],
      [1, "é"],
    ]),
    list([
      [1, "a"],
      [1, "z"],
    ]),
  ];
  assert.deepEqual(merged(texts), [["a", "b", "z", "é"]]);
});

test("k counts groups and each has at most its size", () => {
  const lists = [
    list([
      [1, 1n, "red"],
      [2, 2n, "red"],
      [3, 3n, "blue"],
    ]),
    list([
      [1.5, 4n, "red"],
      [2.5, 5n, "green"],
      [4, 6n, "blue"],
    ]),
  ];
  assert.deepEqual(merged(lists, { k: 2, groupSize: 2 }), [[1n, 4n, 5n]]);
  assert.deepEqual(merged(lists, { k: 2, groupSize: 1 }), [[1n, 5n]]);
  assert.deepEqual(merged(lists, { k: 3, groupSize: 2 }), [[1n, 4n, 5n, 3n, 6n]]);
});

test("however rows lie in lists, the hits are those of one list with all of them", () => {
  const random = Prng.fromSeed("merge");
  for (let round = 0; round < 200; round++) {
    const metric = random.pick<MetricType>(["L2", "IP"]);
    const sign = metric === "IP" ? -1 : 1;
    const grouped = random.chance(0.5);
    const order = (a: Hit, b: Hit): number => sign * (a[0] - b[0]) || Number(BigInt(a[1]) - BigInt(b[1]));
    const hits: Hit[] = Array.from(
      { length: random.int(40) },
      (_, key) =>
        [random.int(6), BigInt(key), ...(grouped ? [random.pick(["x", "y", "z"])] : [])] as unknown as Hit,
    );
    const parts: Hit[][] = [[], [], []];
    for (const hit of hits) random.pick(parts).push(hit);
    const spec = { metric, k: random.between(1, 6), groupSize: grouped ? random.between(1, 3) : 1 };
    const whole = merged([list(hits.toSorted(order))], spec);
    assert.deepEqual(
      merged(
        parts.map((part) => list(part.toSorted(order))),
        spec,
      ),
      whole,
      `round ${round}`,
    );
  }
});
