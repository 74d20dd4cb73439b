import { closeSync, existsSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { utf8Encode } from "../../base/bytes.ts";
import { crc32c } from "../../base/crc32c.ts";
import { ReserveFile } from "./reserve-file.ts";
import type { CommitRequest, SqliteEntry, SqliteWorkerData } from "./sqlite-protocol.ts";

/**
 * The rows of the metadata store. It knows nothing of transactions' conditions, watches or leases.
 *
 * Write-ahead journal with synchronous=FULL: a commit is one append to the journal and one sync; a rollback journal needs three
 * syncs in two files. The journal's shared index would be a file written through a mapping, which a crash test cannot see; the
 * exclusive locking mode keeps it in memory instead, and keeps every other process out.
 */
export class SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #reserve: ReserveFile;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #setRevision: StatementSync;

  constructor({ path, reserveBytes, mode }: SqliteWorkerData) {
    if (mode === "existing" && !existsSync(path)) throw damaged("the file is missing");
    this.#database = new DatabaseSync(path, { timeout: 0 });
    try {
      this.#database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL");
      this.#database.exec(
        "PRAGMA synchronous = FULL; PRAGMA mmap_size = 0; PRAGMA journal_size_limit = 4194304",
      );
      this.#checkOrCreate(mode);
      // What a crash left in the journal goes into the database now: a start begins with everything synced. The journal keeps its size:
      // were only part of it zeroed when the power fails, what is before that would be played back over newer pages.
      this.#database.exec("PRAGMA wal_checkpoint(RESTART)");
      syncFolder(dirname(path));
      this.#put = this.#database.prepare("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?)");
      this.#delete = this.#database.prepare("DELETE FROM entry WHERE key = ?");
      this.#setRevision = this.#database.prepare("UPDATE state SET revision = ?");
    } catch (error) {
      this.#database.close();
      throw error;
    }
    this.#reserve = new ReserveFile(`${path}.reserve`, reserveBytes);
    this.#reserve.make();
  }

  load(): { readonly revision: bigint; readonly entries: readonly SqliteEntry[] } {
    const state = this.#database.prepare("SELECT revision FROM state");
    state.setReadBigInts(true);
    const rows = this.#database.prepare(
      "SELECT key, value, create_revision, mod_revision, lease, checksum FROM entry",
    );
    rows.setReadBigInts(true);
    rows.setReturnArrays(true);
    // The types know rows as objects only.
    const stored = rows.all() as unknown as readonly (readonly [...SqliteEntry, bigint])[];
    const entries = stored.map(([key, value, created, modified, lease, checksum]): SqliteEntry => {
      const entry = [key, value, created, modified, lease] as const;
      if (Number(checksum) !== checksumOf(entry))
        throw damaged(`the entry ${key} has changed since it was written`);
      return entry;
    });
    return { revision: BigInt(String(state.get()?.["revision"])), entries };
  }

  /** All or nothing, durable on return. */
  commit(request: CommitRequest): void {
    if (!this.#fits(request)) {
      this.#restartJournal();
      if (!this.#fits(request)) {
        this.#reserve.release();
        this.#apply(request);
      }
    }
    this.#reserve.make();
    // Room is scarce: what the reserve gave goes into the database, not into a journal that grows with each commit.
    if (!this.#reserve.there) this.#restartJournal();
  }

  /** The journal is written from its beginning again and needs no more room. */
  #restartJournal(): void {
    try {
      this.#database.exec("PRAGMA wal_checkpoint(RESTART)");
    } catch (error) {
      if (!isFull(error)) throw error;
    }
  }

  /** False when there was no room: everything is rolled back then. */
  #fits(request: CommitRequest): boolean {
    try {
      this.#apply(request);
      return true;
    } catch (error) {
      if (isFull(error)) return false;
      throw error;
    }
  }

  /** Bounds the database's size; a commit beyond it fails as on a full disk. */
  limitPages(pages: number): void {
    this.#database.exec(`PRAGMA max_page_count = ${pages}`);
  }

  close(): void {
    this.#database.close();
  }

  #apply({ revision, puts, deletes }: CommitRequest): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const key of deletes) this.#delete.run(key);
      for (const entry of puts) this.#put.run(...entry, checksumOf(entry));
      this.#setRevision.run(revision);
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Reads every page: a damaged database must not serve half of its keys. */
  #checkOrCreate(mode: "create" | "existing"): void {
    const version = this.#pragma("user_version");
    if (version === 0 && mode === "existing") throw damaged("the file is empty");
    if (version === 0) {
      this.#database.exec(CREATE);
    } else if (version !== SCHEMA_VERSION) {
      throw new Error(`its format version is ${String(version)}, this release reads ${SCHEMA_VERSION}`);
    } else {
      const result = this.#pragma("integrity_check(1)");
      if (result !== "ok") throw damaged(String(result));
    }
  }

  #pragma(name: string): unknown {
    return Object.values(this.#database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  }
}

const SCHEMA_VERSION = 1;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;

const CREATE = `
  BEGIN;
  CREATE TABLE entry (
    key TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL,
    create_revision INTEGER NOT NULL,
    mod_revision INTEGER NOT NULL,
    lease INTEGER,
    checksum INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE state (revision INTEGER NOT NULL) STRICT;
  INSERT INTO state VALUES (0);
  PRAGMA user_version = ${SCHEMA_VERSION};
  COMMIT`;

/** CRC-32C: SQLite checks the shape of its pages, not what stands in them. */
function checksumOf([key, value, createRevision, modRevision, lease]: SqliteEntry): number {
  const numbers = BigUint64Array.of(createRevision, modRevision, lease ?? 0n);
  return crc32c(new Uint8Array(numbers.buffer), crc32c(value, crc32c(utf8Encode(key))));
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_FULL;
}

function damaged(problem: string): Error {
  return Object.assign(new Error(problem), { errcode: SQLITE_CORRUPT });
}

/** SQLite syncs the folder for its journals only. */
function syncFolder(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
