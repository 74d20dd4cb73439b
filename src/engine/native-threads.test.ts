import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { encodeRowBatch } from "../format/row-batch.ts";
import { keysFrom } from "../format/column-select.ts";
import type { Column } from "../model/columns.ts";
import { DataType } from "../model/data-type.ts";
import { timestamp } from "../model/timestamp.ts";
import { testField } from "../../tests/contract/random-columns.ts";
import { createBufferFactory } from "./native-buffer.ts";
import { NativeEngine } from "./native-engine.ts";

const KEY = testField(100, DataType.Int64, { isPrimaryKey: true });
const VECTOR = testField(101, DataType.FloatVector, { dim: 8 });
const engine = new NativeEngine({ threads: 2, deterministic: false });

/** Rows with keys from `first`; the vector of key k is k in every dimension. */
function batch(first: number, rows: number): Uint8Array {
  const keys = BigInt64Array.from({ length: rows }, (_, i) => BigInt(first + i));
  const vectors = Float32Array.from({ length: rows * 8 }, (_, i) => first + Math.floor(i / 8));
  const columns = new Map<number, Column>([
    [100, { kind: "fixed", type: DataType.Int64, dim: 0, rows, values: keys, validity: undefined }],
    [101, { kind: "fixed", type: DataType.FloatVector, dim: 8, rows, values: vectors, validity: undefined }],
  ]);
  return encodeRowBatch({ rows, columns });
}

function searchFor(value: number, at: bigint) {
  return {
    fieldId: 101,
    metric: "L2" as const,
    nq: 1,
    queries: new Uint8Array(new Float32Array(8).fill(value).buffer),
    queryOffsets: undefined,
    k: 1,
    visibility: { at: timestamp(at), minBegin: timestamp(0n) },
    filter: undefined,
    ef: 64,
    exact: false,
    range: undefined,
    groupBy: undefined,
  };
}

/** Attaches to a segment and reads until the flag says stop; answers how often, or what was wrong. */
const READER = `
  import { parentPort, workerData } from "node:worker_threads";
  import { NativeEngine } from ${JSON.stringify(new URL("./native-engine.ts", import.meta.url).href)};
  const engine = new NativeEngine({ threads: 2, deterministic: false });
  const segment = engine.attach(workerData.handle);
  parentPort.postMessage("attached");
  const state = workerData.state; // [stop, steps finished]
  let reads = 0;
  let wrong;
  while (wrong === undefined && (Atomics.load(state, 0) === 0 || reads === 0)) {
    const step = Atomics.load(state, 1);
    const at = BigInt(step);
    const visibility = { at, minBegin: 0n };
    const count = segment.count({ visibility, filter: undefined }, undefined);
    if (count !== step * 10) wrong = "count " + count + " at step " + step;
    const key = BigInt(Math.max(0, step * 10 - 1));
    const [row] = segment.lookup({ kind: "int64", values: BigInt64Array.of(key) }, visibility);
    if (step > 0 && row !== Number(key)) wrong = "row " + row + " of key " + key;
    if (step > 0) {
      const spec = { ...workerData.spec, queries: new Uint8Array(new Float32Array(8).fill(Number(key)).buffer), visibility };
      const hits = reads % 2 === 0 ? segment.search(spec, undefined) : await segment.searchAsync(spec, undefined);
      if (hits.rows[0] !== Number(key)) wrong = "hit " + hits.rows[0] + " for " + key;
    }
    reads++;
  }
  segment.close();
  parentPort.postMessage(wrong ?? reads);
`;

test("workers attach to a growing segment and read whole steps while this thread appends", async () => {
  const segment = engine.createGrowing({ fields: [KEY, VECTOR], rowsMax: 4000, seed: 1 });
  const state = new Int32Array(new SharedArrayBuffer(8));
  const workerData = { handle: segment.share(), state, spec: searchFor(0, 0n) };
  const workers = [0, 1].map(() => {
    const url = new URL(`data:text/javascript,${encodeURIComponent(READER)}`);
    return new Worker(url, { workerData });
  });
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const answers = workers.map(async (worker) => ((await once(worker, "message")) as unknown[])[0]);
  for (let step = 1; step <= 400; step++) {
    segment.append(batch((step - 1) * 10, 10), timestamp(BigInt(step)));
    Atomics.store(state, 1, step);
    // The readers need a turn of the two cores.
    if (step % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  Atomics.store(state, 0, 1);
  for (const reads of await Promise.all(answers)) assert.ok(Number(reads) > 0, String(reads));
  segment.close();
});

test("a segment lives as long as one thread has it open, and its handle no longer", () => {
  const segment = engine.createGrowing({ fields: [KEY, VECTOR], rowsMax: 100, seed: 1 });
  segment.append(batch(0, 5), timestamp(1n));
  const handle = segment.share();
  const other = engine.attach(handle);
  segment.close();
  assert.equal(other.rows, 5);
  other.close();
  assert.throws(() => engine.attach(handle), /no open segment has the handle/);
});

test("a worker that ends in the middle of its searches and builds takes nobody with it", async () => {
  const segment = engine.createGrowing({ fields: [KEY, VECTOR], rowsMax: 20_000, seed: 1 });
  segment.append(batch(0, 20_000), timestamp(1n));
  const code = `
    import { parentPort, workerData } from "node:worker_threads";
    import { NativeEngine } from ${JSON.stringify(new URL("./native-engine.ts", import.meta.url).href)};
    const engine = new NativeEngine({ threads: 2, deterministic: false });
    const segment = engine.attach(workerData.handle);
    for (let i = 0; i < 50; i++) void segment.searchAsync(workerData.spec, undefined).catch(() => undefined);
    const control = { cancel: { word: new Int32Array(new SharedArrayBuffer(4)) }, progress: new Int32Array(1), threads: 1 };
    const index = { kind: "HNSW", m: 16, efConstruction: 400 };
    void engine.buildVectorIndex(segment, { fieldId: 101, type: 101, dim: 8, metric: "L2", index, seed: 1 }, control).catch(() => undefined);
    parentPort.postMessage("started");
  `;
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const worker = new Worker(url, { workerData: { handle: segment.share(), spec: searchFor(7, 1n) } });
  await once(worker, "message");
  await worker.terminate();
  assert.equal((await segment.searchAsync(searchFor(7, 1n), undefined)).rows[0], 7);
  segment.close();
});

test("a flag in shared memory ends a search in the pool", async () => {
  const segment = engine.createGrowing({ fields: [KEY, VECTOR], rowsMax: 100, seed: 1 });
  segment.append(batch(0, 100), timestamp(1n));
  const word = new Int32Array(new SharedArrayBuffer(4));
  word[0] = 1;
  await assert.rejects(segment.searchAsync(searchFor(1, 1n), { word }), { kind: "canceled" });
  word[0] = 0;
  assert.equal((await segment.searchAsync(searchFor(1, 1n), { word })).rows[0], 1);
  segment.close();
});

test("files are mapped, read by several views, and an index file that is not one is refused", async () => {
  const folder = await mkdtemp(join(tmpdir(), "redkite-buffers-"));
  const buffers = createBufferFactory();
  const file = join(folder, "file");
  await writeFile(file, "some bytes");
  const one = buffers.mapFile(file);
  const two = buffers.mapFile(file);
  assert.equal(Buffer.from(one.bytes).toString(), "some bytes");
  one.close();
  assert.equal(Buffer.from(two.bytes).toString(), "some bytes");
  const segment = engine.createGrowing({ fields: [KEY, VECTOR], rowsMax: 100, seed: 1 });
  assert.throws(() => segment.attachIndex(101, two), { kind: "corrupted" });
  two.close();
  await writeFile(file, "");
  const empty = buffers.mapFile(file);
  assert.equal(empty.bytes.length, 0);
  empty.close();
  assert.throws(() => buffers.mapFile(join(folder, "missing")), { code: "ENOENT" });
  assert.throws(() => buffers.mapFile(folder), { kind: "parameterInvalid" });
  segment.close();
  await rm(folder, { recursive: true });
});

test("views of a column outlive the segment", () => {
  const segment = engine.createGrowing({ fields: [KEY, VECTOR], rowsMax: 20_000, seed: 1 });
  segment.append(batch(0, 10_000), timestamp(1n));
  const column = segment.column(100, 10_000);
  const again = segment.column(100, 10_000);
  const keys = segment.takeKeys(Int32Array.of(9_999, 0));
  segment.close();
  assert.ok(column.kind === "fixed" && again.kind === "fixed");
  assert.equal(column.values[9_999], 9_999n);
  assert.equal(again.values[0], 0n);
  assert.deepEqual(keys, keysFrom("int64", [9_999n, 0n]));
});

test("searches of a large growing segment get a graph in the background and still see its newest rows and deletes", async () => {
  const segment = engine.createGrowing({ fields: [KEY, VECTOR], rowsMax: 20_000, seed: 1 });
  segment.append(batch(0, 12_000), timestamp(1n));
  const nearest = (value: number, at: bigint) => segment.search(searchFor(value, at), undefined);
  assert.equal(nearest(77, 1n).stats.path, "flat");
  // The work goes on between searches; the first graph takes milliseconds.
  for (let polls = 0; polls < 1000 && nearest(77, 1n).stats.path !== "graph"; polls++) await setTimeout(5);
  for (const value of [0, 77, 9_000, 11_999]) {
    const { rows, stats } = nearest(value, 1n);
    assert.deepEqual([rows[0], stats.path], [value, "graph"]);
  }
  segment.append(batch(12_000, 500), timestamp(2n));
  assert.equal(nearest(12_345, 2n).rows[0], 12_345);
  assert.equal(nearest(12_345, 1n).rows[0], 11_999);
  const keys = keysFrom("int64", [77n]);
  segment.applyDeletes(keys, BigUint64Array.of(3n));
  assert.equal(nearest(77, 2n).rows[0], 77);
  assert.notEqual(nearest(77, 3n).rows[0], 77);
  const exact = segment.search({ ...searchFor(9_000, 3n), exact: true }, undefined);
  assert.deepEqual([exact.rows[0], exact.stats.path], [9_000, "flat"]);
  segment.close();
});
