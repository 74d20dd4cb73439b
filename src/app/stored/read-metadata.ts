import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { toDiskError } from "../../adapters/node/disk-errors.ts";
import { SqliteDatabase } from "../../adapters/meta/sqlite-database.ts";
import type { SqliteEntry } from "../../adapters/meta/sqlite-protocol.ts";
import { corrupted } from "../../errors/service-errors.ts";

/** What a metadata database holds, by key. */
export interface StoredMetadata {
  readonly revision: bigint;
  readonly values: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads and verifies a metadata database through a copy, because SQLite folds the journal into what it opens. Throws
 * corrupted for one that is damaged, fileNotFound for one that is missing.
 *
 * @param path of the database; its journal lies beside it
 */
export async function readMetadata(path: string): Promise<StoredMetadata> {
  const folder = await mkdtemp(join(tmpdir(), "redkite-"));
  try {
    const copy = join(folder, basename(path));
    await copyIfThere(path, copy);
    await copyIfThere(`${path}-wal`, `${copy}-wal`);
    return load(copy, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function load(copy: string, path: string): StoredMetadata {
  let database: SqliteDatabase | undefined;
  try {
    database = new SqliteDatabase({ path: copy, mode: "existing", reserveBytes: 0 });
    const { revision, entries } = database.load();
    const byKey = (a: SqliteEntry, b: SqliteEntry) => (a[0] < b[0] ? -1 : 1);
    return { revision, values: new Map(entries.toSorted(byKey).map(([key, value]) => [key, value])) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw corrupted({ file: path, problem: `the metadata cannot be read: ${why}`, cause: error });
  } finally {
    database?.close();
  }
}

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!missing) throw toDiskError(error, from, "read");
  }
}
