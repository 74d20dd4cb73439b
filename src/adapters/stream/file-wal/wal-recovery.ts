import type { Checksum } from "../../../base/crc32c.ts";
import { ByteFormatError } from "../../../base/bytes.ts";
import { corrupted } from "../../../errors/service-errors.ts";
import { decodeWalHead, WAL_VERSION, type WalHead } from "../../../format/wal-control.ts";
import { walFileOf, walOffsetOf, walPosition } from "../../../format/wal-frame.ts";
import type { DiskFile } from "../../../ports/disk.ts";
import { LogBuilder } from "./log-builder.ts";
import type { LogTopics } from "./log-topics.ts";
import { keepBadTail } from "./bad-tails.ts";
import type { WalReport } from "./wal-events.ts";
import type { WalFolder } from "./wal-folder.ts";
import { FileWindow } from "./file-window.ts";
import { readHeadFrame, scanWalFile, type ScannedFile } from "./wal-scan.ts";
import type { WalWriterStart } from "./wal-writer.ts";

/**
 * Reads the log, decides what in it is durable, torn or damaged, and repairs its end (docs/internals/wal.md, Recovery).
 * Can be repeated after a crash at any point of it. Throws corrupted when the log cannot be opened, and the disk's errors.
 */
export async function recoverWal(parts: RecoveryParts, numbers: readonly number[]): Promise<RecoveredWal> {
  return new Recovery(parts, numbers).run();
}

export interface RecoveryParts {
  readonly folder: WalFolder;
  readonly checksum: Checksum;
  readonly report: WalReport;
}

export interface RecoveredWal {
  readonly topics: LogTopics;
  readonly start: WalWriterStart;
  /** Of this start: one more than any seen. */
  readonly run: number;
}

class Recovery {
  readonly #parts: RecoveryParts;
  readonly #numbers: readonly number[];
  readonly #builder: LogBuilder;

  constructor(parts: RecoveryParts, numbers: readonly number[]) {
    this.#parts = parts;
    this.#numbers = numbers;
    this.#builder = new LogBuilder((number) => parts.folder.fileName(number));
  }

  async run(): Promise<RecoveredWal> {
    const heads = await this.#readHeads();
    const chain = findChain(this.#numbers, heads);
    const last = chain.at(-1);
    for (const { number, limit } of chain.slice(0, -1)) {
      await this.#read(number, (file) => scanWalFile(file, limit, (item) => this.#builder.add(number, item)));
    }
    const tail = last && (await this.#readLast(last.number));
    this.#builder.finish();
    const run = this.#builder.run + 1;
    const newer = this.#numbers.filter((number) => number > (last?.number ?? 0));
    for (const number of newer) await this.#removeVoid(number, run);
    const handle = last && tail && (await this.#repair(last.number, tail, run));
    await this.#removeOlder(chain[0]?.number ?? 0);
    this.#reportDamage();
    return {
      topics: this.#builder.topics,
      run,
      start: {
        current: handle &&
          tail && { number: last.number, handle, size: tail.size, offset: tail.end, fresh: false },
        end: last === undefined || tail === undefined ? 0n : walPosition(last.number, tail.end),
        files: chain.map(({ number }) => number),
        nextFile: (this.#numbers.at(-1) ?? 0) + 1,
        closed: this.#builder.closed,
      },
    };
  }

  async #readHeads(): Promise<Map<number, WalHead>> {
    const heads = new Map<number, WalHead>();
    for (const number of this.#numbers) {
      const frame = await this.#read(number, (file) => readHeadFrame(file));
      if (frame === undefined) continue;
      const head = decodeHead(frame.payload);
      if (head === undefined) continue;
      if ("newerVersion" in head) {
        throw corrupted({
          file: this.#parts.folder.fileName(number),
          problem: `its format version is ${head.newerVersion}, this release reads up to ${WAL_VERSION}; start the newer release`,
        });
      }
      heads.set(number, head);
    }
    return heads;
  }

  /** Finds the end of the last file, then adds what lies before it. */
  async #readLast(number: number): Promise<Tail> {
    return this.#read(number, async (file) => {
      let synced = walPosition(number, 0);
      const damage: bigint[] = [];
      const natural = await scanWalFile(file, undefined, (item) => {
        if (item.item !== "gap" && item.header.synced > synced) synced = item.header.synced;
        if (item.item === "gap") damage.push(walPosition(number, item.from));
        else if (item.item === "badPayload") damage.push(item.header.position);
      });
      const torn = damage.find((position) => position >= synced);
      const end = torn === undefined ? natural : walOffsetOf(torn);
      await scanWalFile(file, end, (item) => this.#builder.add(number, item));
      return { end, synced: walOffsetOf(synced), size: await file.handle.size() };
    });
  }

  /** Makes durable what is read and takes away what is not; returns the file ready for appending. */
  async #repair(number: number, tail: Tail, run: number): Promise<DiskFile> {
    const { folder } = this.#parts;
    const handle = await folder.disk.open(folder.fileName(number), "write");
    try {
      await keepBadTail({ ...this.#parts, number, from: tail.end, run }, handle);
      // The kernel may hold these bytes as clean although they never reached the disk: make them dirty again.
      await rewrite(handle, tail.synced, tail.end);
      await overwriteWithZeros(handle, tail.end, tail.size);
      await handle.sync();
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** A file behind the log's end: its head never became durable, or the log is damaged. */
  async #removeVoid(number: number, run: number): Promise<void> {
    const { folder } = this.#parts;
    const start = walPosition(number, 0);
    await this.#read(number, async (file) => {
      await scanWalFile(file, undefined, (item) => {
        if (item.item !== "gap" && item.header.synced > start) {
          throw corrupted({
            file: folder.fileName(number),
            offset: 0,
            problem:
              "the head of the newest log file is damaged; it was durable before. Restore the file from a backup",
          });
        }
      });
      await keepBadTail({ ...this.#parts, number, from: 0, run }, file.handle);
    });
    await folder.removeFile(number);
    await folder.sync();
  }

  /** Files before the chain are left from a removal that a crash cut short, unless a topic needs them. */
  async #removeOlder(first: number): Promise<void> {
    const { folder } = this.#parts;
    if ((this.#builder.topics.oldestNeededFile() ?? first) < first) return;
    const older = this.#numbers.filter((number) => number < first);
    for (const number of older) await folder.removeFile(number);
    if (older.length > 0) await folder.sync();
  }

  #reportDamage(): void {
    for (const topic of this.#builder.topics.all()) {
      const damage = topic.damage;
      if (damage !== undefined) this.#parts.report({ event: "topicDamaged", topic: topic.name, ...damage });
    }
  }

  async #read<T>(number: number, run: (file: ScannedFile) => Promise<T>): Promise<T> {
    const { folder, checksum } = this.#parts;
    const handle = await folder.disk.open(folder.fileName(number), "read");
    try {
      return await run({ number, handle, checksum });
    } finally {
      await handle.close();
    }
  }
}

interface Tail {
  readonly end: number;
  /** Below it everything was durable by the word of a later frame. */
  readonly synced: number;
  readonly size: number;
}

interface ChainFile {
  readonly number: number;
  /** Where its valid contents end, by its successor's word; undefined for the last one, or when that word is lost. */
  readonly limit: number | undefined;
}

/** Oldest first; empty when no file has a readable head. */
function findChain(numbers: readonly number[], heads: ReadonlyMap<number, WalHead>): ChainFile[] {
  const last = numbers.findLast((number) => heads.has(number));
  if (last === undefined) return [];
  const chain: ChainFile[] = [{ number: last, limit: undefined }];
  for (let number = last; ;) {
    const head = heads.get(number);
    // Without its head, the file before can only be guessed; the damaged head is reported anyway.
    const guess = numbers.findLast((candidate) => candidate < number);
    const before = head === undefined ? guess : walFileOf(head.predecessorEnd);
    if (before === undefined || before >= number || !numbers.includes(before)) return chain;
    chain.unshift({ number: before, limit: head && walOffsetOf(head.predecessorEnd) });
    number = before;
  }
}

function decodeHead(payload: Uint8Array): ReturnType<typeof decodeWalHead> | undefined {
  try {
    return decodeWalHead(payload);
  } catch (error) {
    if (error instanceof ByteFormatError) return undefined;
    throw error;
  }
}

async function rewrite(file: DiskFile, from: number, to: number): Promise<void> {
  const window = new FileWindow(file);
  for (let at = from; at < to;) {
    const bytes = await window.view(at, Math.min(window.capacity, to - at));
    await file.write(at, [bytes]);
    at += bytes.length;
  }
}

async function overwriteWithZeros(file: DiskFile, from: number, to: number): Promise<void> {
  const window = new FileWindow(file, ZEROS.length);
  for (let at = from; at < to; at += ZEROS.length) {
    const bytes = Math.min(ZEROS.length, to - at);
    if (!(await window.isZero(at, at + bytes))) await file.write(at, [ZEROS.subarray(0, bytes)]);
  }
}

const ZEROS = new Uint8Array(64 << 10);
