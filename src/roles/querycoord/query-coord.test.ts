import assert from "node:assert/strict";
import { test } from "node:test";
import { leadingWorld, type LeadingWorld } from "../../../tests/contract/leading.ts";
import { settle } from "../../../tests/contract/manual-clock.ts";
import type { DataCoord } from "../../api/data-coord.ts";
import type { ChannelState, QueryNode, WatchRequest } from "../../api/query-node.ts";
import { registerSession, SessionDirectory } from "../../core/session/sessions.ts";
import { serviceUnavailable } from "../../errors/service-errors.ts";
import { NO_TRACE, type CallContext } from "../../model/call-context.ts";
import { collectionId, nodeId, partitionId, type VChannel } from "../../model/ids.ts";
import type { CollectionInfo } from "../../model/schema.ts";
import type { ChannelTarget } from "../../model/segment-meta.ts";
import { NO_FAULTS } from "../../ports/faults.ts";
import { QueryCoordRole } from "./query-coord.ts";

const ID = collectionId(7n);
const ctx: CallContext = {
  principal: "",
  database: "default",
  deadlineMs: undefined,
  signal: new AbortController().signal,
  trace: NO_TRACE,
  clientRequestId: "",
};

/** One query node that remembers what it was told; `reachable` says whether it can be told. */
async function queryCoord(world: LeadingWorld) {
  const { meta, clock, tasks } = world;
  const node = { reachable: true, watched: [] as WatchRequest[], failure: undefined as Failure | undefined };
  /** Manifests of the segments that the newest target names. */
  const target: string[] = [];
  const session = { role: "querynode", nodeId: nodeId(1n), address: "" };
  await registerSession({ meta, clock, tasks, leaseMs: 60_000 }, [session], (error) =>
    assert.fail(String(error)),
  );
  const partitions = [1n, 2n].map((id) => ({ id: partitionId(id), state: "Created" }));
  const queryNode = {
    watchChannel: async (_: CallContext, request: WatchRequest) => {
      if (!node.reachable) throw serviceUnavailable("the node is cut off");
      node.watched.push(request);
    },
    unwatchChannel: async () => undefined,
    channelState: async () => ({
      state: node.failure === undefined ? "Serving" : "Failed",
      progress: 100,
      failReason: node.failure?.failReason ?? "",
      isDamaged: false,
      missing: node.failure?.missing,
      version: 1n,
      segments: [],
    }),
  } as Partial<QueryNode> as QueryNode;
  const unused = {} as never;
  const role = await QueryCoordRole.open({
    nodeId: nodeId(9n),
    meta,
    leadership: await world.lead(9),
    sessions: await SessionDirectory.watch(meta, tasks),
    connectQueryNode: () => queryNode,
    rootCoord: {
      describeCollection: async () =>
        ({ id: ID, vchannels: ["v0" as VChannel], partitions }) as unknown as CollectionInfo,
    } as never,
    dataCoord: {
      getTarget: async () =>
        ({
          segments: target.map((key) => ({ manifest: { key } })),
          deltaLogs: [{ key: "deltas/v0/1-1-8" }],
        }) as unknown as ChannelTarget,
    } as Partial<DataCoord> as DataCoord,
    indexCoord: unused,
    clock,
    tasks,
    faults: NO_FAULTS,
    context: () => ctx,
    pollMs: 10,
    timeoutMs: 60_000,
  });
  role.start();
  const load = async (...partitionIds: bigint[]): Promise<void> => {
    await role.load(ctx, {
      collectionId: ID,
      partitionIds: partitionIds.map(partitionId),
      replicas: 1,
      fieldIds: [],
      refresh: false,
    });
    await settle();
  };
  const loadState = async () => role.getLoadState(ctx, { collectionId: ID, partitionIds: [] });
  const state = async () => (await loadState()).state;
  return { role, node, target, load, state, loadState };
}

type Failure = Pick<ChannelState, "failReason" | "missing">;

test("more of a collection counts as loaded when its query nodes have been told, not before", async () => {
  const world = await leadingWorld();
  const { node, load, state } = await queryCoord(world);
  await load(1n);
  await world.clock.advance(50);
  assert.equal(await state(), "Loaded");
  node.reachable = false;
  await load(2n);
  assert.equal(await state(), "Loading");
  node.reachable = true;
  await world.clock.advance(60_000);
  assert.equal(await state(), "Loaded");
  assert.deepEqual(node.watched.at(-1)?.partitionIds, [1n, 2n]);
  await world.close();
});

test("of loads at the same time none is lost, and later requests to query nodes have higher versions", async () => {
  const world = await leadingWorld();
  const { role, node, load } = await queryCoord(world);
  await Promise.all([load(1n), load(2n)]);
  await world.clock.advance(50);
  const loaded = await role.getLoadState(ctx, { collectionId: ID, partitionIds: [] });
  assert.deepEqual(loaded.loadedPartitions, [1n, 2n]);
  await role.release(ctx, { collectionId: ID, partitionIds: [partitionId(1n)] });
  await world.clock.advance(50);
  assert.deepEqual(node.watched.at(-1)?.partitionIds, [2n]);
  const versions = node.watched.map(({ version }) => version);
  assert.deepEqual(
    versions,
    versions.toSorted((a, b) => Number(a - b)),
  );
  assert.ok((versions.at(-1) ?? 0n) > (versions[0] ?? 0n));
  await world.close();
});

test("a load fails at once when an object is gone that the newest target names, whose file is named", async () => {
  const world = await leadingWorld();
  const { role, node, target, load, loadState } = await queryCoord(world);
  target.push("segments/7/1/5/2-1/manifest");
  for (const missing of ["segments/7/1/5/2-1/101.arrow", "deltas/v0/1-1-8"]) {
    node.failure = { failReason: `object not found[key=${missing}]`, missing };
    await load(1n);
    await world.clock.advance(50);
    assert.deepEqual(await loadState(), {
      state: "Loading",
      progress: 0,
      failReason: `object not found[key=${missing}]`,
      loadedPartitions: [1n],
      wholeCollection: false,
    });
    // It is tried again all the same: somebody may put the file back.
    node.failure = undefined;
    await world.clock.advance(60_000);
    assert.equal((await loadState()).state, "Loaded");
    await role.release(ctx, { collectionId: ID, partitionIds: [] });
  }
  await world.close();
});

test("an object that only a target of before names fails no load: the next try begins with the newest", async () => {
  const world = await leadingWorld();
  const { role, node, target, load, loadState } = await queryCoord(world);
  // Compaction has put another segment in its place, and a repeated flush has written the other one anew.
  target.push("segments/7/1/6/4-1/manifest", "segments/7/1/5/3-1/manifest");
  for (const missing of ["segments/7/1/4/2-1/manifest", "segments/7/1/5/2-1/101.arrow", "deltas/v0/1-1-7"]) {
    node.failure = { failReason: `object not found[key=${missing}]`, missing };
    await load(1n);
    const before = node.watched.length;
    await world.clock.advance(5_000);
    const { state, failReason } = await loadState();
    assert.deepEqual({ state, failReason }, { state: "Loading", failReason: "" });
    assert.ok(node.watched.length > before + 2);
    node.failure = undefined;
    await world.clock.advance(60_000);
    assert.equal((await loadState()).state, "Loaded");
    await role.release(ctx, { collectionId: ID, partitionIds: [] });
  }
  await world.close();
});
