import { parentPort, workerData } from "node:worker_threads";
import { assertDefined } from "../../base/assert.ts";
import { SqliteDatabase } from "./sqlite-database.ts";
import type { SqliteFailure, SqliteReply, SqliteRequest, SqliteWorkerData } from "./sqlite-protocol.ts";

/** The thread that owns the metadata database: commits block it, not the control thread. */
const port = assertDefined(parentPort, "the parent's port");
let database: SqliteDatabase | undefined;

port.on("message", (request: SqliteRequest) => {
  try {
    port.postMessage(answer(request));
  } catch (error) {
    port.postMessage({ kind: "failed", failure: failureOf(error), message: messageOf(error) });
  }
});

function answer(request: SqliteRequest): SqliteReply {
  switch (request.kind) {
    case "load":
      database = new SqliteDatabase(workerData as SqliteWorkerData);
      return { kind: "loaded", ...database.load() };
    case "commit":
      assertDefined(database, "the loaded database").commit(request);
      return { kind: "done" };
    case "close":
      database?.close();
      // Nothing more will come; the thread ends when the port no longer holds it.
      port.unref();
      return { kind: "done" };
  }
}

function failureOf(error: unknown): SqliteFailure {
  const code = error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : undefined;
  switch (code) {
    case 13: // SQLITE_FULL
      return "full";
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return "corrupted";
    case 5: // SQLITE_BUSY
      return "busy";
    default:
      return "other";
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
