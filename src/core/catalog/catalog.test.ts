import assert from "node:assert/strict";
import { test } from "node:test";
import { leadingWorld } from "../../../tests/contract/leading.ts";
import { ByteFormatError } from "../../base/bytes.ts";
import { metaUnknownOutcome } from "../../errors/storage-errors.ts";
import { defineMessage, field } from "../../format/message.ts";
import { epoch, vchannel } from "../../model/ids.ts";
import { META_TXN_OPS_MAX, type MetaStore } from "../../ports/meta-store.ts";
import { Catalog, put, remove, type RecordKind } from "./catalog.ts";
import { CHANNEL_EPOCHS, compareEpoch } from "./channel-epoch.ts";
import { IdAllocator } from "./id-allocator.ts";

interface Thing {
  readonly name: string;
}
const THINGS: RecordKind<Thing> = {
  prefix: "test/thing/",
  codec: defineMessage<Thing>("Thing", { name: field(1, "string") }),
};

test("records are written, read one by one and all together, and removed", async () => {
  const world = await leadingWorld();
  const leader = await world.lead(1);
  const catalog = new Catalog(world.meta, leader);
  const first = await catalog.write([put(THINGS, "a", { name: "A" }), put(THINGS, "b", { name: "B" })]);
  assert.deepEqual(await catalog.load(THINGS), [{ name: "A" }, { name: "B" }]);
  assert.deepEqual(await catalog.get(THINGS, "b"), { name: "B" });
  const second = await catalog.write([remove(THINGS, "b")]);
  assert.ok(second > first && (await catalog.revision()) >= second);
  assert.equal(await catalog.get(THINGS, "b"), undefined);
  assert.deepEqual(await catalog.load(THINGS), [{ name: "A" }]);
  await world.close();
});

test("a deposed coordinator changes nothing and learns it", async () => {
  const world = await leadingWorld();
  const leader = await world.lead(1);
  const catalog = new Catalog(world.meta, leader);
  await leader.resign();
  await world.lead(2);
  await assert.rejects(catalog.write([put(THINGS, "a", { name: "A" })]), { kind: "fenced" });
  assert.deepEqual((await world.meta.range(THINGS.prefix)).entries, []);
  await world.close();
});

test("a write of unknown outcome ends the lead: the tables in memory may be behind the store", async () => {
  const world = await leadingWorld();
  let lost: unknown;
  const leader = await world.lead(1, (error) => (lost = error));
  const broken = metaUnknownOutcome("the connection broke");
  const meta: MetaStore = Object.assign(Object.create(world.meta) as MetaStore, {
    txn: async () => Promise.reject(broken),
  });
  leader.assertHeld();
  const write = new Catalog(meta, leader).write([put(THINGS, "a", { name: "A" })]);
  await assert.rejects(write, broken);
  assert.equal(lost, broken);
  assert.throws(() => leader.assertHeld(), { kind: "fenced" });
  await world.close();
});

test("a comparison of the caller that fails fails the whole", async () => {
  const world = await leadingWorld();
  const leader = await world.lead(1);
  const catalog = new Catalog(world.meta, leader);
  await catalog.write([put(THINGS, "a", { name: "A" })]);
  const absent = { key: "test/thing/a", target: "absent" } as const;
  await assert.rejects(catalog.write([put(THINGS, "b", { name: "B" })], [absent]), {
    kind: "fenced",
    message: /test\/thing\/a/,
  });
  assert.equal(await catalog.get(THINGS, "b"), undefined);
  await world.close();
});

test("a transaction that no store would take, and a record that is none, are refused", async () => {
  const world = await leadingWorld();
  const leader = await world.lead(1);
  const catalog = new Catalog(world.meta, leader);
  const many = Array.from({ length: META_TXN_OPS_MAX + 1 }, (_, i) => put(THINGS, String(i), { name: "" }));
  await assert.rejects(catalog.write(many), { kind: "parameterTooLarge" });
  await world.meta.txn({
    compare: [],
    ops: [{ op: "put", key: "test/thing/x", value: Uint8Array.of(0xff) }],
  });
  await assert.rejects(catalog.load(THINGS), ByteFormatError);
  await world.close();
});

test("the epoch of a channel compares until it is raised", async () => {
  const world = await leadingWorld();
  const leader = await world.lead(1);
  const catalog = new Catalog(world.meta, leader);
  const channel = vchannel("dml_0_1v0");
  await assert.rejects(compareEpoch(catalog, channel, epoch(1n)), { kind: "fenced" });
  await catalog.write([put(CHANNEL_EPOCHS, channel, { vchannel: channel, epoch: 1n, owner: 7n })]);
  const held = await compareEpoch(catalog, channel, epoch(1n));
  await catalog.write([put(THINGS, "a", { name: "A" })], [held]);
  await catalog.write([put(CHANNEL_EPOCHS, channel, { vchannel: channel, epoch: 2n, owner: 8n })]);
  await assert.rejects(catalog.write([put(THINGS, "b", { name: "B" })], [held]), { kind: "fenced" });
  await assert.rejects(compareEpoch(catalog, channel, epoch(1n)), { kind: "fenced" });
  await compareEpoch(catalog, channel, epoch(2n));
  await world.close();
});

test("ids are never given twice, not by a successor and not over a batch's end", async () => {
  const world = await leadingWorld();
  const leader = await world.lead(1);
  const ids = new IdAllocator(world.meta, leader);
  const given = new Set<bigint>();
  const take = async (from: IdAllocator, count: number): Promise<void> => {
    const first = await from.alloc(count);
    for (let id = first; id < first + BigInt(count); id++) {
      assert.ok(id > 0n && !given.has(id), `${id} twice`);
      given.add(id);
    }
  };
  await Promise.all([1, 7, 99_990, 30, 100_001].map(async (count) => take(ids, count)));
  await leader.resign();
  await assert.rejects(ids.alloc(200_000), { kind: "fenced" });
  await take(new IdAllocator(world.meta, await world.lead(2)), 10);
  await world.close();
});
