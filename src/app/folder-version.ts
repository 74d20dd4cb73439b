import { mkdir, open, readdir, readFile, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode, toDiskError } from "../adapters/node/disk-errors.ts";
import { HOLDER_FILE, LOCK_FILE } from "../adapters/node/folder-lock.ts";
import { parameterInvalid } from "../errors/parameter-errors.ts";
import { corrupted } from "../errors/service-errors.ts";
import {
  DATA_FORMAT_VERSION,
  DATA_READABLE_SINCE,
  decodeDataVersion,
  encodeDataVersion,
  type DataVersion,
} from "../format/data-version.ts";
import type { MetaStore } from "../ports/meta-store.ts";
import { VERSION } from "./version.ts";

/** Says that a folder is a database, and of which version (docs/internals/data-folder.md). */
export const FOLDER_VERSION_FILE = "redkite.json";
/** The same in the metadata. */
export const META_VERSION_KEY = "app/data-version";
/** What a database consists of, besides its version file. */
export const DATA_SUBFOLDERS = ["meta", "log", "objects"] as const;

/**
 * The version of a database, or undefined where none is yet: an empty folder, or one whose making a crash cut short. Throws newerData for
 * one of a newer release; corrupted where parts of a database are missing; parameterInvalid for a folder of other things.
 *
 * @param folder exists and is locked
 */
export async function readFolderVersion(folder: string): Promise<DataVersion | undefined> {
  const path = join(folder, FOLDER_VERSION_FILE);
  const bytes = await readIfThere(path);
  const names = new Set(await readdir(folder));
  if (bytes === undefined) {
    const foreign = [...names].find((name) => !isOurs(name));
    if (foreign === undefined) return undefined;
    throw parameterInvalid(
      `${folder} holds other things (${foreign}) and is no Redkite database: choose an empty folder, or one that does not exist yet`,
    );
  }
  const version = decodeDataVersion(bytes, path);
  const missing = DATA_SUBFOLDERS.find((name) => !names.has(name));
  if (missing !== undefined) {
    throw corrupted({
      file: join(folder, missing),
      problem: "this part of the database is missing; restore it from a backup, all parts of the same moment",
    });
  }
  return version;
}

/**
 * Marks a new database, once its stores exist and before it serves. A crash before leaves a folder that is made again; from here on nothing
 * that is missing is ever made anew.
 */
export async function markNewFolder(folder: string, meta: MetaStore): Promise<void> {
  const { entries } = await meta.range("");
  if (entries.some(({ key }) => key !== META_VERSION_KEY)) {
    throw corrupted({
      file: join(folder, FOLDER_VERSION_FILE),
      problem: "the file is missing, but the folder holds a database; restore the file from a backup",
    });
  }
  const version = encodeDataVersion({
    formatVersion: DATA_FORMAT_VERSION,
    readableSince: DATA_READABLE_SINCE,
    createdBy: VERSION,
  });
  await meta.txn({ compare: [], ops: [{ op: "put", key: META_VERSION_KEY, value: version }] });
  await writeDurably(folder, FOLDER_VERSION_FILE, version);
}

/** Throws newerData or corrupted unless this release can read the metadata. */
export async function checkMetaVersion(meta: MetaStore): Promise<void> {
  const source = `metadata ${META_VERSION_KEY}`;
  const entry = await meta.get(META_VERSION_KEY);
  if (entry === undefined) {
    throw corrupted({ file: source, problem: "the entry is missing; restore the metadata from a backup" });
  }
  decodeDataVersion(entry.value, source);
}

/** Makes a folder with its parents, each of them durable in the one above. Succeeds when it is there. */
export async function makeFolderDurably(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (error) {
    throw toDiskError(error, folder, "create the folder");
  }
}

// Not by mkdir's own recursion: that never ends on file systems that refuse a folder as if its parent were missing, such as /proc.
async function makeFolder(folder: string): Promise<void> {
  const parent = dirname(folder);
  try {
    await mkdir(folder);
  } catch (error) {
    const code = errorCode(error);
    if (code === "EEXIST" && (await stat(folder)).isDirectory()) return;
    if (code !== "ENOENT" || (await isFolder(parent))) throw error;
    await makeFolder(parent);
    await mkdir(folder);
  }
  await syncFolder(parent);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}

function isOurs(name: string): boolean {
  if (name === LOCK_FILE || name === HOLDER_FILE || name === `${FOLDER_VERSION_FILE}.new`) return true;
  // Journals of the lock file, what a file system puts at its root, and what desktops leave behind.
  if (name.startsWith(`${LOCK_FILE}-`) || name === "lost+found" || name.startsWith(".")) return true;
  return (DATA_SUBFOLDERS as readonly string[]).includes(name);
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw toDiskError(error, path, "read");
  }
}

async function writeDurably(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const path = join(folder, name);
  try {
    const file = await open(`${path}.new`, "w");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    await syncFolder(folder);
  } catch (error) {
    throw toDiskError(error, path, "write");
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
