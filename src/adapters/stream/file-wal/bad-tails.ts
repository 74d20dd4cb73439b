import { isRedkiteError } from "../../../errors/redkite-error.ts";
import type { DiskFile } from "../../../ports/disk.ts";
import { FileWindow } from "./file-window.ts";
import type { WalReport } from "./wal-events.ts";
import type { WalFolder } from "./wal-folder.ts";

/**
 * Copies what stands behind the valid end of a log file into `damaged/`, durably, and reports it; does nothing where only zeros
 * follow. Only the newest copies are kept. On a full disk the copy is given up: nothing in it was ever acknowledged.
 */
export async function keepBadTail(tail: BadTail, file: DiskFile): Promise<void> {
  const { folder, number, from, run, report } = tail;
  const size = await file.size();
  const window = new FileWindow(file, size - from);
  const last = await window.lastNonZero(from, size);
  if (last === undefined) return;
  const directory = `${folder.path}/${DIRECTORY}`;
  const name = folder.fileName(number).slice(folder.path.length + 1);
  let copy = `${directory}/${name}-${from}-run${run}.bin`;
  try {
    await folder.disk.makeDirectory(directory);
    await folder.sync();
    await copyRange(file, from, last + 1, await folder.disk.open(copy, "create"));
    await folder.disk.syncDirectory(directory);
    await removeOldest(folder, directory);
  } catch (error) {
    if (!isRedkiteError(error, "diskFull")) throw error;
    await folder.disk.remove(copy).catch(() => undefined);
    copy = "none: the disk is full";
  }
  report({
    event: "tailMovedAside",
    file: folder.fileName(number),
    offset: from,
    copy,
    bytes: last + 1 - from,
  });
}

export interface BadTail {
  readonly folder: WalFolder;
  readonly report: WalReport;
  readonly number: number;
  readonly from: number;
  readonly run: number;
}

const DIRECTORY = "damaged";
const COPIES_MAX = 8;

async function copyRange(source: DiskFile, from: number, to: number, target: DiskFile): Promise<void> {
  try {
    const window = new FileWindow(source, to - from);
    for (let at = from; at < to;) {
      const bytes = await window.view(at, Math.min(window.capacity, to - at));
      await target.write(at - from, [bytes]);
      at += bytes.length;
    }
    await target.sync();
  } finally {
    await target.close();
  }
}

/** Names sort by file number, which grows. */
async function removeOldest(folder: WalFolder, directory: string): Promise<void> {
  const names = await folder.disk.list(directory);
  for (const name of names.slice(0, Math.max(0, names.length - COPIES_MAX))) {
    await folder.disk.remove(`${directory}/${name}`);
  }
}
