import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode, type Init } from "../../wire/codec.ts";
import type { MessageTypes } from "../../wire/messages.gen.ts";
import { movedRows } from "./moved-rows.ts";

/** A request with everything that the wire leaves out. */
function message<N extends keyof MessageTypes>(name: N, fields: Init<MessageTypes[N]>): MessageTypes[N] {
  return decode(name, encode(name, fields));
}

test("reads move the vectors or queries asked for", () => {
  const search = (nq: bigint) => movedRows("Search", message("milvus.SearchRequest", { nq }), {});
  assert.deepEqual(search(16n), { kind: "search", asked: 16, moved: 16 });
  assert.deepEqual(search(0n), { kind: "search", asked: 1, moved: 1 }, "old clients leave it out");
  assert.deepEqual(movedRows("Query", message("milvus.QueryRequest", {}), {}), {
    kind: "query",
    asked: 1,
    moved: 1,
  });
});

test("writes move what their answer says is in", () => {
  const answer = { insertCnt: 2n, upsertCnt: 3n, deleteCnt: 4n };
  const insert = message("milvus.InsertRequest", { numRows: 5 });
  assert.deepEqual(movedRows("Insert", insert, answer), { kind: "insert", asked: 5, moved: 2 });
  assert.deepEqual(movedRows("Insert", insert, undefined), { kind: "insert", asked: 5, moved: 0 });
  const upsert = message("milvus.UpsertRequest", { numRows: 5 });
  assert.deepEqual(movedRows("Upsert", upsert, answer), { kind: "upsert", asked: 5, moved: 3 });
  const remove = message("milvus.DeleteRequest", { expr: "id > 0" });
  assert.deepEqual(movedRows("Delete", remove, answer), { kind: "delete", asked: 0, moved: 4 });
});

test("other calls move nothing, and numbers that cannot be are not counted", () => {
  assert.equal(movedRows("Flush", message("milvus.FlushRequest", {}), {}), undefined);
  for (const nq of [-(1n << 63n), -1n, (1n << 63n) - 1n])
    assert.equal(movedRows("Search", message("milvus.SearchRequest", { nq }), {})?.moved, 1, String(nq));
});
