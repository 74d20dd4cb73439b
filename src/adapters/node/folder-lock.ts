import { accessSync, constants, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { diskFull } from "../../errors/service-errors.ts";
import { diskFailed, folderInUse } from "../../errors/storage-errors.ts";

/**
 * Makes this process the only one on a data folder, or throws folderInUse with a sentence about the one that is.
 *
 * The lock is the operating system's, on an empty file that SQLite opens exclusively: Node itself cannot lock files. So it
 * ends with the process however that dies, holds between containers that share the folder but not their process ids, and
 * between two openings in one process. Who holds it stands in a second file that only explains and never decides.
 */
export class FolderLock implements AsyncDisposable {
  readonly #database: DatabaseSync;
  readonly #holderPath: string;

  private constructor(database: DatabaseSync, holderPath: string) {
    this.#database = database;
    this.#holderPath = holderPath;
  }

  /** @param folder exists and is writable */
  static async acquire(folder: string): Promise<FolderLock> {
    const holderPath = join(folder, HOLDER_FILE);
    const database = lockFile(join(folder, LOCK_FILE), () => describeHolder(folder, holderPath));
    const holder: Holder = { pid: process.pid, since: new Date().toISOString() };
    try {
      await writeFile(holderPath, `${JSON.stringify(holder)}\n`);
    } catch (error) {
      // The file only explains; a full disk must not keep the database from starting to make room.
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) {
        database.close();
        throw diskFailed({ path: holderPath, operation: "write" }, error);
      }
    }
    return new FolderLock(database, holderPath);
  }

  async release(): Promise<void> {
    if (!this.#database.isOpen) return;
    await rm(this.#holderPath, { force: true });
    this.#database.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

export const LOCK_FILE = "redkite.lock";
export const HOLDER_FILE = "redkite.lock.json";

interface Holder {
  readonly pid: number;
  /** ISO time. */
  readonly since: string;
}

const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;

function lockFile(path: string, busy: () => Error): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    // Nothing is ever written: the open transaction is the lock, the file stays empty.
    database.exec("PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
    if (code === SQLITE_BUSY) throw busy();
    if (code === SQLITE_FULL) throw diskFull({ path: dirname(path) }, error);
    throw diskFailed({ path, operation: "lock" }, whyNotWritable(dirname(path)) ?? error);
  }
}

/** SQLite says no more than that it could not open a file. Opening that file here as well would give up the lock of a first holder. */
function whyNotWritable(folder: string): unknown {
  try {
    accessSync(folder, constants.W_OK);
    return undefined;
  } catch (error) {
    return error;
  }
}

function describeHolder(folder: string, holderPath: string): Error {
  let holder = "another process holds it; stop that one first or choose another folder";
  try {
    const { pid, since } = JSON.parse(readFileSync(holderPath, "utf8")) as Partial<Holder>;
    if (Number.isInteger(pid) && typeof since === "string") {
      holder = `process ${pid}, started at ${since}, holds it; stop that one first or choose another folder`;
    }
  } catch {
    // It may have just been released, or never been written on a full disk: the general sentence stands.
  }
  return folderInUse({ path: folder, holder });
}
