import assert from "node:assert/strict";
import { CrashDisk } from "../../../../tests/contract/crash-disk.ts";
import { ManualClock, settle } from "../../../../tests/contract/manual-clock.ts";
import { crc32c } from "../../../base/crc32c.ts";
import { Prng } from "../../../base/prng.ts";
import { RedkiteError } from "../../../errors/redkite-error.ts";
import { walFrameBytes, WAL_HEADER_BYTES } from "../../../format/wal-frame.ts";
import { POSITION_ZERO, type Position } from "../../../ports/message-stream.ts";
import { FileWal } from "./file-wal.ts";

/**
 * Opens damaged log folders: flipped bytes, zeroed and swapped sectors, cut, missing, doubled and exchanged files, in half of
 * the inputs with checksums repaired afterwards. Opening, reading and appending must end in an answer or a RedkiteError,
 * and where no checksum was repaired, nothing may be read that was not written. Rejects with the number of the input that failed.
 */
export async function fuzzFileWal(options: WalFuzzOptions): Promise<WalFuzzReport> {
  const report = { inputs: 0, opened: 0, refused: 0, damagedTopics: 0 };
  const seed = Prng.fromSeed(`file-wal ${options.seed}`);
  const samples = await Promise.all([1, 2, 3].map((number) => makeSample(seed.fork(`sample ${number}`))));
  const first = options.only ?? 0;
  const end = options.only === undefined ? options.count : first + 1;
  for (let input = first; input < end; input++) {
    try {
      await runInput(seed.fork(input), samples, report);
    } catch (error) {
      throw new Error(`seed ${options.seed}, input ${input}`, { cause: error });
    }
    report.inputs++;
    // Abort signals hold each other until the event loop turns, which nothing here waits for.
    if (report.inputs % TURN_INPUTS === 0) await settle();
    if (report.inputs % PROGRESS_INPUTS === 0) options.onProgress?.({ ...report });
  }
  return report;
}

export interface WalFuzzOptions {
  readonly seed: number;
  /** Inputs. */
  readonly count: number;
  /** The number of a single input to repeat. */
  readonly only?: number;
  readonly onProgress?: (report: WalFuzzReport) => void;
}

export interface WalFuzzReport {
  inputs: number;
  opened: number;
  refused: number;
  damagedTopics: number;
}

interface Sample {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What was written, by topic. */
  readonly records: ReadonlyMap<string, ReadonlySet<string>>;
}

const PROGRESS_INPUTS = 10_000;
const TURN_INPUTS = 50;
const SECTOR_BYTES = 512;
const TOPICS = ["a", "b", "c"];

function open(disk: CrashDisk, damaged: () => void = () => undefined): Promise<FileWal> {
  return FileWal.open({
    disk,
    folder: "wal",
    clock: new ManualClock(),
    checksum: crc32c,
    report: ({ event }) => event === "topicDamaged" && damaged(),
    options: { segmentBytes: 2 << 10, recordBytesMax: 8 << 10 },
  });
}

async function makeSample(rng: Prng): Promise<Sample> {
  const disk = new CrashDisk();
  const wal = await open(disk);
  const records = new Map(TOPICS.map((topic) => [topic, new Set<string>()]));
  for (const topic of TOPICS) await wal.createTopic(topic);
  const positions: Position[] = [];
  for (let i = 0; i < 24; i++) {
    const topic = rng.pick(TOPICS);
    const payload = rng.bytes(rng.pick([0, 10, 100, 600]));
    records.get(topic)?.add(Buffer.from(payload).toString("hex"));
    const position: Position = await wal.append(topic, [payload]);
    if (topic === "a") positions.push(position);
    if (i === 12) await wal.truncate("a", positions[0] ?? POSITION_ZERO);
  }
  if (rng.chance(0.5)) await wal.close();
  const files = new Map<string, Uint8Array>();
  for (const name of await disk.list("wal")) {
    if (name.endsWith(".wal")) files.set(name, disk.bytesOf(`wal/${name}`).slice());
  }
  return { files, records };
}

async function runInput(rng: Prng, samples: readonly Sample[], report: WalFuzzReport): Promise<void> {
  const sample = rng.pick(samples);
  const files = new Map([...sample.files].map(([name, bytes]) => [name, bytes.slice()]));
  for (let count = rng.between(1, 4); count > 0; count--) damage(rng, files, rng.pick(samples));
  const repaired = rng.chance(0.5);
  if (repaired) for (const bytes of files.values()) repairChecksums(bytes);
  const disk = new CrashDisk();
  await disk.makeDirectory("wal");
  for (const [name, bytes] of files) await disk.writeFile(`wal/${name}`, [bytes], { sync: true });
  const wal = await answered(open(disk, () => report.damagedTopics++));
  if (wal === undefined) {
    report.refused++;
    return;
  }
  report.opened++;
  for (const topic of wal.topicNames) {
    const written = new Set([...samples.flatMap(({ records }) => [...(records.get(topic) ?? [])])]);
    const read = await readAll(wal, topic);
    if (!repaired)
      for (const record of read) assert.ok(written.has(record), `${topic} has a record nobody wrote`);
    const position: Position | undefined = await answered(wal.append(topic, [Uint8Array.of(1)]));
    if (position !== undefined) assert.equal(await wal.lastPosition(topic), position);
  }
  await wal.close();
}

function damage(rng: Prng, files: Map<string, Uint8Array>, other: Sample): void {
  const name = rng.pick([...files.keys(), "0000000001.wal"]);
  const bytes = files.get(name);
  if (bytes === undefined || bytes.length === 0) return;
  const at = rng.int(bytes.length);
  const kind = rng.weighted([
    [10, "byte"],
    [3, "number"],
    [3, "zeros"],
    [2, "copy"],
    [1, "cut"],
    [1, "remove"],
    [1, "exchange"],
    [1, "double"],
  ] as const);
  switch (kind) {
    case "byte":
      bytes[at] = rng.int(256);
      break;
    case "number":
      bytes.fill(rng.pick([0, 0xff]), at & ~3, (at & ~3) + rng.pick([4, 8]));
      break;
    case "zeros":
      bytes.fill(0, at - (at % SECTOR_BYTES), at - (at % SECTOR_BYTES) + SECTOR_BYTES);
      break;
    case "copy":
      bytes.copyWithin(at & ~7, rng.int(bytes.length) & ~7, bytes.length);
      break;
    case "cut":
      files.set(name, bytes.slice(0, at));
      break;
    case "remove":
      files.delete(name);
      break;
    case "exchange":
      files.set(name, other.files.get(name)?.slice() ?? new Uint8Array(at));
      break;
    case "double":
      files.set(`000000000${rng.between(1, 9)}.wal`, bytes.slice());
  }
}

/** Of whatever looks like a frame. */
function repairChecksums(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + WAL_HEADER_BYTES <= bytes.length;) {
    if (view.getUint32(at, true) !== FRAME_MAGIC) {
      at += 8;
      continue;
    }
    const payloadBytes = view.getUint32(at + 40, true);
    const end = at + WAL_HEADER_BYTES + payloadBytes;
    if (end <= bytes.length)
      view.setUint32(at + 48, crc32c(bytes.subarray(at + WAL_HEADER_BYTES, end)), true);
    view.setUint32(at + 4, crc32c(bytes.subarray(at + 8, at + WAL_HEADER_BYTES)), true);
    at += end <= bytes.length ? walFrameBytes(payloadBytes) : 8;
  }
}

const FRAME_MAGIC = 0x314b5752;

/** Records from the truncation point on; a damaged topic's up to the damage. */
async function readAll(wal: FileWal, topic: string): Promise<string[]> {
  const records: string[] = [];
  const last = await wal.lastPosition(topic);
  let after = POSITION_ZERO;
  for (let attempt = 0; attempt < 2; attempt++) {
    const controller = new AbortController();
    try {
      if (after >= last) break;
      for await (const batch of wal.read(topic, after, controller.signal)) {
        for (const { payload } of batch) records.push(Buffer.from(payload).toString("hex"));
        if ((batch.at(-1)?.position ?? last) >= last) controller.abort();
      }
      break;
    } catch (error) {
      if (!(error instanceof RedkiteError)) throw error;
      if (error.kind !== "positionGone") break;
      after = BigInt(error.fields["truncated"] ?? "0");
    }
  }
  return records;
}

/** Undefined for a refusal in the port's terms. */
async function answered<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    assert.ok(error instanceof RedkiteError && error.kind === "corrupted", String(error));
    return undefined;
  }
}
