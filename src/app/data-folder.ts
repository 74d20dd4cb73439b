import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FolderLock } from "../adapters/node/folder-lock.ts";
import { NodeDisk } from "../adapters/node/disk.ts";
import { openSqliteMetaStore } from "../adapters/meta/sqlite.ts";
import { FsObjectStore } from "../adapters/objects/fs.ts";
import { FileWal } from "../adapters/stream/file-wal/file-wal.ts";
import type { WalReport } from "../adapters/stream/file-wal/wal-events.ts";
import { createBufferFactory } from "../engine/native-buffer.ts";
import { diskFailed } from "../errors/storage-errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Engine } from "../ports/engine.ts";
import type { MetaStore } from "../ports/meta-store.ts";
import type { MessageStream } from "../ports/message-stream.ts";
import type { ObjectStore } from "../ports/object-store.ts";

/** Everything that a standalone process keeps, below one folder that is its alone. */
export interface DataFolder {
  readonly meta: MetaStore;
  readonly stream: MessageStream;
  readonly objects: ObjectStore;
  /** Closes in reverse order; what was acknowledged is durable already. */
  close(): Promise<void>;
}

export interface DataFolderDeps {
  readonly folder: string;
  readonly clock: Clock;
  readonly engine: Engine;
  readonly report: WalReport;
}

/** Makes the folder where it is missing, locks it, and opens its three stores. */
export async function openDataFolder({ folder, clock, engine, report }: DataFolderDeps): Promise<DataFolder> {
  await makeFolder(folder);
  const lock = await FolderLock.acquire(folder);
  const opened: (() => Promise<void>)[] = [async () => lock.release()];
  const close = async (): Promise<void> => {
    for (const end of opened.splice(0).reverse()) await end();
  };
  try {
    const disk = new NodeDisk(folder, createBufferFactory());
    await makeFolder(join(folder, "meta"));
    const [meta, stream, objects] = await Promise.all([
      openSqliteMetaStore({ path: join(folder, "meta", "meta.sqlite"), mode: "create" }, clock),
      FileWal.open({
        disk,
        folder: "log",
        clock,
        checksum: (bytes, seed) => engine.crc32c(bytes, seed),
        report,
      }),
      FsObjectStore.open(disk, "objects"),
    ]);
    opened.push(
      async () => meta.close(),
      async () => stream.close(),
    );
    return { meta, stream, objects, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw diskFailed({ path: folder, operation: "create the folder" }, error);
  }
}
