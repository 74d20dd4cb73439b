import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { ConsistencyLevelEnum, MilvusClient } from "@zilliz/milvus2-sdk-node";
import { examineFolder } from "../../src/app/doctor/examine-folder.ts";
import { startServer } from "../e2e/support/server.ts";
import { books, COLLECTION, DELETED_IDS, succeeded, TOTAL_ROWS } from "../support/stopped-database.ts";

const archives = readdirSync(import.meta.dirname).filter((name) => /^folder-.*\.tar\.gz$/.test(name));

test("there is a golden folder", () => {
  assert.ok(archives.length > 0);
});

for (const archive of archives) {
  test(`${archive} opens, is healthy, and holds every row that was written`, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "redkite-golden-"));
    try {
      execFileSync("tar", ["-xzf", path.join(import.meta.dirname, archive), "-C", folder]);
      const { findings } = await examineFolder(folder);
      assert.deepEqual(
        findings.filter(({ severity }) => severity === "damage"),
        [],
      );
      await using server = await startServer({ dataDir: folder });
      const client = new MilvusClient({ address: server.address });
      try {
        await checkRows(client);
        await checkSearch(client);
      } finally {
        await client.closeConnection();
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

async function checkRows(client: MilvusClient): Promise<void> {
  succeeded(await client.loadCollectionSync({ collection_name: COLLECTION }));
  const { status, data } = await client.query({
    collection_name: COLLECTION,
    filter: "",
    limit: 16_384,
    output_fields: ["id", "title", "pages", "on_loan", "vector"],
    consistency_level: ConsistencyLevelEnum.Strong,
  });
  succeeded(status);
  const found = data.map((row) => ({ ...row, id: Number(row["id"]) })).toSorted((a, b) => a.id - b.id);
  const wanted = books(0, TOTAL_ROWS).filter(({ id }) => !DELETED_IDS.includes(id));
  assert.equal(found.length, wanted.length);
  for (const [i, row] of wanted.entries()) assert.deepEqual({ ...found[i] }, { ...row }, `row ${row.id}`);
}

async function checkSearch(client: MilvusClient): Promise<void> {
  // Rows of the sealed segments, one behind the last flush, and one that was deleted.
  for (const id of [0, 700, TOTAL_ROWS - 1, ...DELETED_IDS.slice(0, 1)]) {
    const { status, results } = await client.search({
      collection_name: COLLECTION,
      data: books(id, id + 1)[0]?.vector ?? [],
      limit: 1,
      consistency_level: ConsistencyLevelEnum.Strong,
    });
    succeeded(status);
    assert.equal(Number(results[0]?.id) === id, !DELETED_IDS.includes(id), `search for row ${id}`);
  }
}
