import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CrashDisk } from "../../../../tests/contract/crash-disk.ts";
import { diskContract } from "../../../../tests/contract/disk-contract.ts";
import { ManualClock } from "../../../../tests/contract/manual-clock.ts";
import { messageStreamContract } from "../../../../tests/contract/message-stream-contract.ts";
import { crc32c } from "../../../base/crc32c.ts";
import { NodeDisk } from "../../node/disk.ts";
import { FileWal } from "./file-wal.ts";

diskContract("crash disk", async () => ({
  disk: new CrashDisk(),
  [Symbol.asyncDispose]: async () => undefined,
}));

messageStreamContract("file-wal", async () => {
  const root = await mkdtemp(join(tmpdir(), "redkite-wal-"));
  const stream = await FileWal.open({
    disk: new NodeDisk(root),
    folder: "wal",
    clock: new ManualClock(),
    checksum: crc32c,
    report: (event) => {
      throw new Error(`nothing should be reported, got ${event.event}`);
    },
    options: { segmentBytes: 128 << 10 },
  });
  return {
    stream,
    [Symbol.asyncDispose]: async () => {
      await stream.close();
      await rm(root, { recursive: true });
    },
  };
});
