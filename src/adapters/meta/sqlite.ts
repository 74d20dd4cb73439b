import { Worker } from "node:worker_threads";
import { corrupted, diskFull, unexpected } from "../../errors/service-errors.ts";
import { diskFailed, folderInUse, metaUnknownOutcome } from "../../errors/storage-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { MetaEntry } from "../../ports/meta-store.ts";
import { GroupedMetaStore, type MetaStorage } from "./grouped-meta-store.ts";
import type { MetaChange } from "./key-space.ts";
import type { SqliteEntry, SqliteReply, SqliteRequest, SqliteWorkerData } from "./sqlite-protocol.ts";

/**
 * The metadata store of a single process, in one SQLite file. Throws corrupted when the file is damaged (or, with mode
 * `existing`, missing or empty), folderInUse when another process has it open, diskFull, diskFailed.
 */
export async function openSqliteMetaStore(config: SqliteConfig, clock: Clock): Promise<GroupedMetaStore> {
  const storage = new SqliteMetaStorage(config);
  try {
    return await GroupedMetaStore.open(storage, clock);
  } catch (error) {
    await storage.close();
    throw error;
  }
}

export interface SqliteConfig {
  /** Of the database file; files beside it begin with the same name. Its folder exists. */
  readonly path: string;
  readonly mode: "create" | "existing";
  /** Room kept for a full disk; 4 MiB when not given. */
  readonly reserveBytes?: number;
}

class SqliteMetaStorage implements MetaStorage {
  readonly #path: string;
  readonly #worker: Worker;
  /** Ends with the exit code, never rejects. */
  readonly #exited: Promise<void>;
  #reply: ((reply: SqliteReply) => void) | undefined;
  #gone: string | undefined;

  constructor({ path, mode, reserveBytes = RESERVE_BYTES }: SqliteConfig) {
    this.#path = path;
    const data: SqliteWorkerData = { path, mode, reserveBytes };
    this.#worker = new Worker(new URL(WORKER_FILE, import.meta.url), { workerData: data, name: "meta" });
    this.#worker.on("message", (reply: SqliteReply) => this.#answer(reply));
    this.#worker.on("error", (error) => this.#end(String(error)));
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#end(`its thread ended with code ${code}`);
        resolve();
      });
    });
  }

  async load(): Promise<{ readonly revision: bigint; readonly entries: Iterable<MetaEntry> }> {
    const reply = await this.#ask({ kind: "load" });
    if (reply.kind === "failed") throw this.#openError(reply);
    if (reply.kind !== "loaded") throw unexpected(`the answer to load was ${reply.kind}`);
    return { revision: reply.revision, entries: reply.entries.map(toEntry) };
  }

  async commit(revision: bigint, changes: readonly MetaChange[]): Promise<void> {
    // Of several changes of a key the last one counts.
    const last = new Map<string, MetaEntry | undefined>();
    for (const change of changes) {
      if (change.type === "put") last.set(change.entry.key, change.entry);
      else last.set(change.key, undefined);
    }
    const puts: SqliteEntry[] = [];
    const deletes: string[] = [];
    for (const [key, entry] of last) {
      if (entry === undefined) deletes.push(key);
      else puts.push([key, entry.value, entry.createRevision, entry.modRevision, entry.lease ?? null]);
    }
    const reply = await this.#ask({ kind: "commit", revision, puts, deletes });
    if (reply.kind !== "failed") return;
    if (reply.failure === "full") throw diskFull({ path: this.#path }, reply.message);
    throw metaUnknownOutcome(`${this.#path}: ${reply.message}`);
  }

  async close(): Promise<void> {
    if (this.#gone === undefined) await this.#ask({ kind: "close" });
    await this.#worker.terminate();
    await this.#exited;
  }

  #ask(request: SqliteRequest): Promise<SqliteReply> {
    return new Promise((resolve) => {
      this.#reply = resolve;
      if (this.#gone === undefined) this.#worker.postMessage(request);
      else this.#end(this.#gone);
    });
  }

  #answer(reply: SqliteReply): void {
    const resolve = this.#reply;
    this.#reply = undefined;
    resolve?.(reply);
  }

  #end(reason: string): void {
    this.#gone ??= reason;
    this.#answer({ kind: "failed", failure: "other", message: reason });
  }

  #openError({ failure, message }: SqliteReply & { readonly kind: "failed" }): Error {
    switch (failure) {
      case "full":
        return diskFull({ path: this.#path }, message);
      case "corrupted":
        return corrupted({
          file: this.#path,
          problem: `the metadata cannot be read (${message}); restore the file from a backup`,
        });
      case "busy":
        return folderInUse({ path: this.#path, holder: "another process has the metadata open" });
      case "other":
        return diskFailed({ path: this.#path, operation: "open the metadata" }, message);
    }
  }
}

const RESERVE_BYTES = 4 << 20;
/** Beside this file, compiled like it. */
const WORKER_FILE = import.meta.url.endsWith(".ts") ? "./sqlite-worker.ts" : "./sqlite-worker.js";

function toEntry([key, value, createRevision, modRevision, lease]: SqliteEntry): MetaEntry {
  return { key, value, createRevision, modRevision, lease: lease ?? undefined };
}
