import { assert } from "../../../base/assert.ts";
import type { Checksum } from "../../../base/crc32c.ts";
import { Ring } from "../../../base/ring.ts";
import { isRedkiteError, RedkiteError } from "../../../errors/redkite-error.ts";
import { streamUnavailable } from "../../../errors/storage-errors.ts";
import { walFileOf, walFrameBytes, WalFrameKind, walPosition } from "../../../format/wal-frame.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { DiskFile } from "../../../ports/disk.ts";
import { FrameBatch } from "./frame-batch.ts";
import type { LogTopics } from "./log-topics.ts";
import { headBytes, requestBytes, StagedBatch, type WalRequest } from "./staged-batch.ts";
import type { WalReport } from "./wal-events.ts";
import { FILE_NUMBER_MAX, type SpareName, type WalFolder } from "./wal-folder.ts";
import type { WalHandles } from "./wal-handles.ts";
import type { WalOptions } from "./wal-options.ts";

/**
 * The only writer of the log: one loop that takes everything that waits, writes it as one batch, syncs, and then publishes and answers.
 *
 * Invariants: at most one batch is not durable. A file on which a write or sync failed is never written again. What is
 * published is durable. A crash at any point leaves what recovery expects (docs/internals/wal.md).
 */
export class WalWriter {
  readonly #parts: WalWriterParts;
  readonly #waiting = new Ring<WalRequest>();
  /** Requests of a failed batch, in order, to be written first. */
  #again: WalRequest[] = [];
  #current: CurrentFile | undefined;
  /** Where the durable log ends. */
  #end: bigint;
  /** Log files, ascending, the one of `#end` last. */
  readonly #files: number[];
  #nextFile: number;
  readonly #making = new Map<SpareName, Promise<void>>();
  #housekeeping: Promise<void> | undefined;
  /** No attempts to make or write files before this time. */
  #blocked: { readonly untilMs: number; readonly error: unknown } | undefined;
  #full = false;
  #running: Promise<void> | undefined;
  /** Requests of the batch at work. */
  #writing: readonly WalRequest[] = [];
  #broken: unknown;
  /**
   * The abandoned file may hold frames that a recovery would take for valid, as long as no head says otherwise. Until then
   * even an answer that changes nothing (the topic exists) needs a durable frame.
   */
  #doubtful = false;
  /** Whether frames were written behind the last `close` frame. */
  #open = true;

  constructor(parts: WalWriterParts, start: WalWriterStart) {
    this.#parts = parts;
    this.#current = start.current;
    this.#end = start.end;
    this.#files = [...start.files];
    this.#nextFile = start.nextFile;
    this.#open = !start.closed;
  }

  get waiting(): number {
    return this.#waiting.size + this.#again.length;
  }

  /** Answers through the request. The order of requests is kept. */
  enqueue(request: WalRequest): void {
    if (this.#broken !== undefined) return request.reject(this.#broken);
    this.#waiting.push(request);
    this.#running ??= this.#run();
  }

  /** Writes what waits, marks the orderly end and closes the file. The caller enqueues nothing any more. */
  async close(): Promise<void> {
    await this.#running;
    await this.#housekeeping;
    const file = this.#current;
    this.#current = undefined;
    if (file === undefined) return;
    try {
      if (this.#open && !file.fresh && file.size - file.offset >= walFrameBytes(0))
        await this.#writeClose(file);
    } catch (error) {
      // Everything acknowledged is durable without it.
      this.#parts.report({ event: "fileFailed", file: this.#parts.folder.fileName(file.number), error });
    }
    await file.handle.close();
  }

  async #run(): Promise<void> {
    // One turn later, so that everything asked for in this turn shares the first batch.
    await Promise.resolve();
    for (let first = this.#peek(); first !== undefined; first = this.#peek()) {
      try {
        await this.#makeRoom(first);
      } catch (error) {
        this.#take()?.reject(toStreamError(error));
        continue;
      }
      try {
        await this.#writeBatch();
      } catch (error) {
        // A bug of ours: what memory says of the log can no longer be trusted.
        this.#broken = error;
      }
      if (this.#broken !== undefined) this.#rejectAll(this.#broken);
    }
    this.#running = undefined;
  }

  #rejectAll(error: unknown): void {
    for (const request of this.#writing) request.reject(error);
    for (let next = this.#take(); next !== undefined; next = this.#take()) next.reject(error);
  }

  async #writeBatch(): Promise<void> {
    const file = this.#current;
    assert(file !== undefined, "room was made in a file");
    const batch = this.#stage(file);
    this.#writing = batch.accepted;
    if (batch.accepted.length === 0) return;
    const justAnswers = batch.bytes === (file.fresh ? headBytes(this.#parts.topics) : 0);
    if (!justAnswers || this.#doubtful) {
      try {
        await file.handle.write(file.offset, batch.finish());
        await file.handle.sync();
      } catch (error) {
        await this.#abandon(file, error);
        this.#repeat(batch.accepted, error);
        return;
      }
      if (file.fresh) this.#files.push(file.number);
      file.fresh = false;
      file.offset += batch.bytes;
      this.#end = walPosition(file.number, file.offset);
      this.#open = true;
      this.#doubtful = false;
    }
    batch.publish();
    if (batch.accepted.some(({ kind }) => kind === "drop" || kind === "truncate"))
      await this.#removeOldFiles();
    this.#prepareAhead(file);
  }

  /** As many waiting requests as fit. Those that cannot be granted are answered on the way. */
  #stage(file: CurrentFile): StagedBatch {
    const { topics, checksum, options, run } = this.#parts;
    const place = {
      file: file.number,
      offset: file.offset,
      synced: walPosition(file.number, file.offset),
      run,
    };
    const batch = new StagedBatch(topics, place, checksum, options.topicsMax);
    if (file.fresh) batch.addHead(this.#end);
    for (let next = this.#peek(); next !== undefined; next = this.#peek()) {
      const bytes = requestBytes(next);
      if (file.offset + batch.bytes + bytes > file.size) break;
      if (batch.accepted.length > 0 && batch.bytes + bytes > options.batchBytesMax) break;
      if (!next.reserve && this.#needsReserve()) break;
      this.#take();
      try {
        batch.add(next);
      } catch (error) {
        next.reject(error);
      }
    }
    return batch;
  }

  /** Ordinary requests leave the reserve to those that are entitled to it, while the disk is full. */
  #needsReserve(): boolean {
    return this.#full && !this.#parts.folder.hasSpare("reserve");
  }

  async #makeRoom(first: WalRequest): Promise<void> {
    if (!first.reserve && this.#needsReserve()) {
      this.#checkBlocked();
      await this.#makeSpare("reserve");
    }
    const file = this.#current;
    if (file === undefined) return this.#rotate(first);
    const head = file.fresh ? headBytes(this.#parts.topics) : 0;
    if (file.offset + head + requestBytes(first) > file.size) await this.#rotate(first);
  }

  async #rotate(first: WalRequest): Promise<void> {
    const { folder, topics } = this.#parts;
    if (this.#nextFile > FILE_NUMBER_MAX) throw streamUnavailable("the log has used up its file numbers");
    const spare = await this.#spareFor(first);
    await this.#leaveCurrent();
    const number = this.#nextFile++;
    const bytes = Math.max(this.#fileBytes("next"), headBytes(topics) + this.#bytesAgain(first));
    try {
      const handle = await folder.activate(spare, number, bytes);
      this.#current = { number, handle, size: await handle.size(), offset: 0, fresh: true };
    } catch (error) {
      this.#block(error);
      throw error;
    }
  }

  /** The first file of a log is small: a start on an empty folder waits for its zeros. */
  #fileBytes(name: SpareName): number {
    const { segmentBytes } = this.#parts.options;
    return name === "next" && this.#end === 0n ? Math.min(segmentBytes, FIRST_FILE_BYTES) : segmentBytes;
  }

  /** A failed batch moves as a whole. */
  #bytesAgain(first: WalRequest): number {
    return Math.max(
      requestBytes(first),
      this.#again.reduce((sum, request) => sum + requestBytes(request), 0),
    );
  }

  async #spareFor(first: WalRequest): Promise<SpareName> {
    const { folder } = this.#parts;
    try {
      this.#checkBlocked();
      if (this.#full) await this.#makeSpare("reserve");
      await this.#makeSpare("next");
      return "next";
    } catch (error) {
      if (first.reserve && isRedkiteError(error, "diskFull") && folder.hasSpare("reserve")) return "reserve";
      throw error;
    }
  }

  /** Joins an attempt that is under way. */
  async #makeSpare(name: SpareName): Promise<void> {
    const { folder, report } = this.#parts;
    if (!folder.hasSpare(name)) {
      let making = this.#making.get(name);
      if (making === undefined) {
        making = folder.makeSpare(name, this.#fileBytes(name)).finally(() => this.#making.delete(name));
        this.#making.set(name, making);
      }
      try {
        await making;
      } catch (error) {
        this.#block(error);
        throw error;
      }
      if (this.#full && folder.hasSpare("reserve")) {
        this.#full = false;
        this.#blocked = undefined;
        report({ event: "roomAgain" });
      }
    }
  }

  /** Makes spare files while there is time, so that no batch waits for them. */
  #prepareAhead(file: CurrentFile): void {
    const { folder, report } = this.#parts;
    const wanted: SpareName[] = [];
    if (!folder.hasSpare("reserve")) wanted.push("reserve");
    if (!folder.hasSpare("next") && file.offset > file.size / 2) wanted.push("next");
    if (wanted.length === 0 || this.#housekeeping !== undefined || this.#isBlocked()) return;
    const prepare = async () => {
      try {
        for (const name of wanted) await this.#makeSpare(name);
      } catch (error) {
        if (!isRedkiteError(error, "diskFull")) report({ event: "housekeepingFailed", error });
      }
      this.#housekeeping = undefined;
    };
    this.#housekeeping = prepare();
  }

  async #removeOldFiles(): Promise<void> {
    const { folder, topics, handles, report } = this.#parts;
    const lastFile = walFileOf(this.#end);
    const needed = Math.min(topics.oldestNeededFile() ?? lastFile, lastFile);
    if ((this.#files[0] ?? needed) >= needed) return;
    try {
      while ((this.#files[0] ?? needed) < needed) {
        await folder.removeFile(this.#files[0] ?? 0);
        this.#files.shift();
      }
      await folder.sync();
      await handles.forgetBefore(needed);
      // There may be room now: the next append tries at once.
      this.#blocked = undefined;
    } catch (error) {
      report({ event: "housekeepingFailed", error });
    }
  }

  /** Never written again; its successor's head says that it ends at `#end`. */
  async #abandon(file: CurrentFile, error: unknown): Promise<void> {
    const { folder, report } = this.#parts;
    report({ event: "fileFailed", file: folder.fileName(file.number), error });
    await this.#leaveCurrent();
  }

  #repeat(requests: readonly WalRequest[], error: unknown): void {
    const again: WalRequest[] = [];
    for (const request of requests) {
      if (++request.failures < WRITE_ATTEMPTS_MAX) again.push(request);
      else request.reject(toStreamError(error));
    }
    if (again.length < requests.length) this.#block(error);
    this.#doubtful = true;
    this.#again = [...again, ...this.#again];
  }

  async #leaveCurrent(): Promise<void> {
    const file = this.#current;
    this.#current = undefined;
    if (file === undefined) return;
    try {
      await file.handle.close();
      // Without a durable head it is void: no file will name it as its predecessor.
      if (file.fresh) await this.#parts.folder.removeFile(file.number);
    } catch (error) {
      this.#parts.report({ event: "housekeepingFailed", error });
    }
  }

  async #writeClose(file: CurrentFile): Promise<void> {
    const { checksum, run } = this.#parts;
    const place = {
      file: file.number,
      offset: file.offset,
      synced: walPosition(file.number, file.offset),
      run,
    };
    const batch = new FrameBatch(place, checksum);
    batch.add({ kind: WalFrameKind.close, topic: 0, previous: 0n, payload: [] });
    await file.handle.write(file.offset, batch.finish());
    await file.handle.sync();
  }

  #block(error: unknown): void {
    const { clock, options, report } = this.#parts;
    this.#blocked = { untilMs: clock.monotonicMs() + options.retryMs, error };
    if (!isRedkiteError(error, "diskFull") || this.#full) return;
    this.#full = true;
    report({ event: "diskFull", error });
  }

  #isBlocked(): boolean {
    return this.#blocked !== undefined && this.#parts.clock.monotonicMs() < this.#blocked.untilMs;
  }

  #checkBlocked(): void {
    if (this.#isBlocked()) throw this.#blocked?.error;
  }

  #peek(): WalRequest | undefined {
    return this.#again[0] ?? this.#waiting.peek();
  }

  #take(): WalRequest | undefined {
    return this.#again.length > 0 ? this.#again.shift() : this.#waiting.shift();
  }
}

export interface WalWriterParts {
  readonly folder: WalFolder;
  readonly topics: LogTopics;
  readonly clock: Clock;
  readonly checksum: Checksum;
  readonly options: WalOptions;
  readonly report: WalReport;
  readonly run: number;
  /** Readers' handles, which keep removed files from being freed. */
  readonly handles: WalHandles;
}

/** What recovery found. */
export interface WalWriterStart {
  readonly current: CurrentFile | undefined;
  readonly end: bigint;
  readonly files: readonly number[];
  readonly nextFile: number;
  /** Whether the log ends with a `close` frame. */
  readonly closed: boolean;
}

export interface CurrentFile {
  readonly number: number;
  readonly handle: DiskFile;
  readonly size: number;
  /** Where the next frame goes. */
  offset: number;
  /** It has no head yet. */
  fresh: boolean;
}

const FIRST_FILE_BYTES = 1 << 20;
/** The first file and one more. */
const WRITE_ATTEMPTS_MAX = 2;

function toStreamError(error: unknown): unknown {
  const ofDisk =
    error instanceof RedkiteError && (error.kind === "diskFailed" || error.kind === "fileNotFound");
  return ofDisk ? streamUnavailable("the log cannot be written", error) : error;
}
