import { stat } from "node:fs/promises";
import { join } from "node:path";
import { nodeClock } from "../../adapters/node/clock.ts";
import { NodeDisk } from "../../adapters/node/disk.ts";
import { FolderLock } from "../../adapters/node/folder-lock.ts";
import { FsObjectStore } from "../../adapters/objects/fs.ts";
import type { Checksum } from "../../base/crc32c.ts";
import { createBufferFactory } from "../../engine/native-buffer.ts";
import { NativeEngine } from "../../engine/native-engine.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { fileNotFound } from "../../errors/storage-errors.ts";
import { FOLDER_VERSION_FILE, readFolderVersion } from "../folder-version.ts";
import { ReadOnlyDisk } from "../stored/read-only-disk.ts";
import { readMetadata } from "../stored/read-metadata.ts";
import { checkLog, type LogCounts } from "./check-log.ts";
import { checkMetadata, METADATA_FILE } from "./check-metadata.ts";
import { ObjectCheck, type ObjectCounts } from "./check-objects.ts";
import { Findings, problemOf, type Finding } from "./findings.ts";

/** What was looked at, and what is wrong. */
export interface Examination {
  readonly createdBy: string | undefined;
  readonly metadataEntries: number;
  readonly log: LogCounts | undefined;
  readonly objects: ObjectCounts | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Reads and verifies everything in a data folder that no server uses, and changes nothing in it but its lock. Throws folderInUse,
 * newerData, fileNotFound, parameterInvalid for a folder that is no database.
 */
export async function examineFolder(folder: string): Promise<Examination> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) throw fileNotFound(folder);
  const findings = new Findings();
  const createdBy = await examineVersion(folder, findings);
  const held = await lock(folder, findings);
  try {
    return { createdBy, ...(await examineLocked(folder, findings)) };
  } finally {
    await held[Symbol.asyncDispose]();
  }
}

async function examineLocked(folder: string, findings: Findings): Promise<Omit<Examination, "createdBy">> {
  const metadata = await attempt(findings, METADATA_FILE, async () =>
    readMetadata(join(folder, METADATA_FILE)),
  );
  // Without metadata nobody knows what the rest should be.
  if (metadata === undefined) {
    return { metadataEntries: 0, log: undefined, objects: undefined, findings: findings.list };
  }
  const inventory = checkMetadata(metadata, findings);
  const engine = new NativeEngine({ threads: 1, deterministic: true });
  const checksum: Checksum = (bytes, seed) => engine.crc32c(bytes, seed);
  const disk = new ReadOnlyDisk(new NodeDisk(folder, createBufferFactory()));
  const log = await checkLog({ disk, clock: nodeClock, checksum }, inventory, findings);
  const objects = await FsObjectStore.open(disk, "objects");
  const counts = await new ObjectCheck({ engine, objects }, inventory, findings).run();
  return { metadataEntries: metadata.values.size, log, objects: counts, findings: findings.list };
}

async function examineVersion(folder: string, findings: Findings): Promise<string | undefined> {
  try {
    const version = await readFolderVersion(folder);
    if (version !== undefined) return version.createdBy;
    findings.damage({
      file: FOLDER_VERSION_FILE,
      concerns: undefined,
      problem: "the file is missing: this is no database, or its making was cut short, or the file was lost",
      remedy:
        "start the server on the folder: it finishes the making, or says that the file must be restored from a backup",
    });
  } catch (error) {
    if (!isRedkiteError(error, "corrupted")) throw error;
    const file = error.fields["file"]?.slice(folder.length + 1) ?? FOLDER_VERSION_FILE;
    findings.damage({ file, concerns: undefined, problem: problemOf(error), remedy: RESTORE });
  }
  return undefined;
}

/** So that no server starts meanwhile. */
async function lock(folder: string, findings: Findings): Promise<AsyncDisposable> {
  try {
    return await FolderLock.acquire(folder);
  } catch (error) {
    if (!isRedkiteError(error, "diskFailed")) throw error;
    findings.note({
      file: "redkite.lock",
      concerns: undefined,
      problem: `the folder cannot be locked (${problemOf(error)})`,
      remedy: "see to it that no server uses the folder while it is examined",
    });
    return { [Symbol.asyncDispose]: async () => undefined };
  }
}

const RESTORE = "restore it from a backup, all parts of the same moment";

async function attempt<T>(findings: Findings, file: string, run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    findings.damage({ file, concerns: "all collections", problem: problemOf(error), remedy: RESTORE });
    return undefined;
  }
}
