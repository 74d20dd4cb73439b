import { join } from "node:path";
import { FolderLock } from "../adapters/node/folder-lock.ts";
import { NodeDisk } from "../adapters/node/disk.ts";
import { openSqliteMetaStore } from "../adapters/meta/sqlite.ts";
import { FsObjectStore } from "../adapters/objects/fs.ts";
import { FileWal } from "../adapters/stream/file-wal/file-wal.ts";
import type { WalReport } from "../adapters/stream/file-wal/wal-events.ts";
import type { Checksum } from "../base/crc32c.ts";
import { createBufferFactory } from "../engine/native-buffer.ts";
import type { Clock } from "../ports/clock.ts";
import type { Engine } from "../ports/engine.ts";
import type { MetaStore } from "../ports/meta-store.ts";
import type { MessageStream } from "../ports/message-stream.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { checkMetaVersion, makeFolderDurably, markNewFolder, readFolderVersion } from "./folder-version.ts";

/** Everything that a standalone process keeps, below one folder that is its alone. */
export interface DataFolder {
  readonly meta: MetaStore;
  readonly stream: MessageStream;
  readonly objects: ObjectStore;
  /** The log that was there already; undefined for a folder that has just become a database. */
  readonly found: { readonly records: number; readonly bytes: number } | undefined;
  /** Closes in reverse order; what was acknowledged is durable already. */
  close(): Promise<void>;
}

export interface DataFolderDeps {
  readonly folder: string;
  readonly clock: Clock;
  readonly engine: Engine;
  readonly report: WalReport;
}

/**
 * Makes the folder where it is missing, locks it, checks its version, and opens its three stores. Of a database that exists nothing is made
 * anew: a missing part is an error.
 */
export async function openDataFolder({ folder, clock, engine, report }: DataFolderDeps): Promise<DataFolder> {
  await makeFolderDurably(folder);
  // Before anything is written to it: it may be somebody else's, or a newer release's.
  await readFolderVersion(folder);
  const lock = await FolderLock.acquire(folder);
  const opened: (() => Promise<void>)[] = [async () => lock.release()];
  const close = async (): Promise<void> => {
    for (const end of opened.splice(0).reverse()) await end();
  };
  const opening = async <S>(store: Promise<S>, end: (store: S) => Promise<void>): Promise<S> => {
    const ready = await store;
    opened.push(async () => end(ready));
    return ready;
  };
  try {
    const isNew = (await readFolderVersion(folder)) === undefined;
    const disk = new NodeDisk(folder, createBufferFactory());
    await makeFolderDurably(join(folder, "meta"));
    const path = join(folder, "meta", "meta.sqlite");
    const checksum: Checksum = (bytes, seed) => engine.crc32c(bytes, seed);
    const stores = await Promise.allSettled([
      opening(openSqliteMetaStore({ path, mode: isNew ? "create" : "existing" }, clock), (meta) =>
        meta.close(),
      ),
      opening(
        FileWal.open({ disk, folder: "log", clock, checksum, report, options: LOG_OPTIONS }),
        (stream) => stream.close(),
      ),
      FsObjectStore.open(disk, "objects"),
    ]);
    const [meta, stream, objects] = [valueOf(stores[0]), valueOf(stores[1]), valueOf(stores[2])];
    await (isNew ? markNewFolder(folder, meta) : checkMetaVersion(meta));
    return { meta, stream, objects, found: isNew ? undefined : stream.held, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === "rejected") throw result.reason;
  return result.value;
}

/** A record holds what one request writes to one vchannel, and a request may have 256 MiB. */
const LOG_OPTIONS = { recordBytesMax: 272 << 20, waitingBytesMax: 1024 << 20 };
