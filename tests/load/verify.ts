import assert from "node:assert/strict";
import { ConsistencyLevelEnum, type MilvusClient } from "@zilliz/milvus2-sdk-node";
import type { Prng } from "../../src/base/prng.ts";
import { routeKeys } from "../../src/format/key-hash.ts";
import { checkRow, must, vectorOf } from "./load-collection.ts";
import type { Change, Writer } from "./writer.ts";

export interface VerifyOptions {
  readonly client: MilvusClient;
  readonly collection: string;
  readonly shards: number;
  readonly writers: readonly Writer[];
  readonly random: Prng;
}

/**
 * Reads everything and compares it with what was acknowledged. Writes without an answer may be in or out, but whole per
 * vchannel; which it was is then remembered as settled, so that it must never change. Returns the number of rows.
 */
export async function verifyAll(options: VerifyOptions): Promise<number> {
  const { client, collection, writers } = options;
  let rows = 0;
  for (const writer of writers) {
    const stored = await readAll(options, writer);
    settle(writer, stored, options.shards);
    compare(writer, stored);
    rows += stored.size;
  }
  const counted = must(await client.count({ collection_name: collection }));
  assert.equal(counted.data, rows, "count(*) is not the number of rows");
  await searchSome(options);
  return rows;
}

async function readAll(
  { client, collection, random }: VerifyOptions,
  writer: Writer,
): Promise<ReadonlyMap<number, number>> {
  const fields = ["id", "value", "note", ...(random.chance(0.25) ? ["vector"] : [])];
  const read = must(
    await client.query({
      collection_name: collection,
      filter: `owner == ${writer.number}`,
      output_fields: fields,
      consistency_level: ConsistencyLevelEnum.Strong,
    }),
  );
  const stored = new Map<number, number>();
  for (const row of read.data) {
    const id = Number(row["id"]);
    checkRow(row);
    assert.ok(!stored.has(id), `key ${id} is there twice`);
    stored.set(id, Number(row["value"]));
  }
  return stored;
}

function settle(writer: Writer, stored: ReadonlyMap<number, number>, shards: number): void {
  const keys = BigInt64Array.from(writer.unsettled, ({ id }) => BigInt(id));
  const routes = routeKeys({ kind: "int64", values: keys }, shards);
  for (let shard = 0; shard < shards; shard++) {
    const changes = writer.unsettled.filter((_, i) => routes[i] === shard);
    const telling = changes.filter(({ id, value }) => writer.settled.get(id) !== value);
    const done = telling.filter(({ id, value }) => stored.get(id) === value);
    assert.ok(
      done.length === 0 || done.length === telling.length,
      `a write without an answer is half in: ${done.length} of ${telling.length} keys of shard ${shard}, ` +
        `writer ${writer.number}: ${describe(telling, stored, writer)}`,
    );
    if (done.length > 0) writer.settle(changes);
  }
  writer.unsettled = [];
}

function describe(changes: readonly Change[], stored: ReadonlyMap<number, number>, writer: Writer): string {
  return changes
    .slice(0, 5)
    .map(({ id, value }) => `${id}: was ${writer.settled.get(id)}, written ${value}, is ${stored.get(id)}`)
    .join("; ");
}

function compare(writer: Writer, stored: ReadonlyMap<number, number>): void {
  const wrong: string[] = [];
  for (const [id, value] of writer.settled) {
    const is = stored.get(id);
    if (is !== value) wrong.push(`${id} is ${is ?? "lost"}, acknowledged was ${value}`);
  }
  for (const [id, value] of stored) {
    if (!writer.settled.has(id)) wrong.push(`${id} is back from the dead with ${value}`);
  }
  assert.equal(
    wrong.length,
    0,
    `writer ${writer.number}, ${wrong.length} keys: ${wrong.slice(0, 10).join("; ")}`,
  );
}

/** Some rows are found by their own vector, and under the right key. */
async function searchSome({ client, collection, writers, random }: VerifyOptions): Promise<void> {
  for (const writer of writers) {
    const known = [...writer.settled];
    if (known.length === 0) continue;
    const [id, value] = random.pick(known);
    const found = must(
      await client.search({
        collection_name: collection,
        data: vectorOf(id, value),
        limit: 2,
        output_fields: ["id", "value"],
        consistency_level: ConsistencyLevelEnum.Strong,
      }),
    );
    const [first] = found.results;
    assert.deepEqual([Number(first?.id), first?.score], [id, 0], `a search for key ${id}`);
  }
}
