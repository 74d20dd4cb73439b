import assert from "node:assert/strict";
import { test } from "node:test";
import { CrashDisk } from "../../../../tests/contract/crash-disk.ts";
import { ManualClock, settle } from "../../../../tests/contract/manual-clock.ts";
import { utf8Decode, utf8Encode } from "../../../base/bytes.ts";
import { crc32c } from "../../../base/crc32c.ts";
import { Prng } from "../../../base/prng.ts";
import { diskFailed } from "../../../errors/storage-errors.ts";
import { POSITION_ZERO, type MessageStream, type Position } from "../../../ports/message-stream.ts";
import { FileWal } from "./file-wal.ts";
import type { WalEvent } from "./wal-events.ts";

/**
 * Random work on a disk that stops at a random operation, then a power cut (any subset of what was not synced) or a kill,
 * then recovery: several generations on one disk. The model knows what was acknowledged or seen; all of that must be there
 * afterwards, unchanged and in order, and nothing else but requests without an answer. WAL_CRASH_IMAGES=2000 for a longer run.
 */
const IMAGES = Number(process.env["WAL_CRASH_IMAGES"] ?? 60);
const FIRST_SEED = Number(process.env["WAL_CRASH_SEED"] ?? 1);
const GENERATIONS = 5;

test(`after each of ${IMAGES * GENERATIONS} crashes everything acknowledged is there and nothing is invented`, async () => {
  const seen = new Set<WalEvent["event"]>();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + IMAGES; seed++) {
    try {
      await new CrashRun(seed, false, seen).run();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  assert.ok(seen.has("tailMovedAside"), "no image had a torn tail");
  assert.ok(!seen.has("topicDamaged") && !seen.has("fileFailed"));
});

test(`the same holds when writes, syncs and renames fail on the way`, async () => {
  const seen = new Set<WalEvent["event"]>();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + IMAGES; seed++) {
    try {
      await new CrashRun(seed, true, seen).run();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  assert.ok(seen.has("fileFailed"), "no write failed");
  assert.ok(seen.has("diskFull") && seen.has("roomAgain"), "the disk never was full");
  assert.ok(!seen.has("topicDamaged"));
});

interface TopicModel {
  /** Acknowledged or seen by a reader: must stay, in this order. */
  certain: { readonly position: Position; readonly text: string }[];
  /** Asked for, no answer yet or an error: may be there. */
  open: Set<string>;
  truncated: Position;
  /** A truncation without an answer may have happened. */
  maybeTruncated: Position;
  /** A drop was asked for that may have happened, perhaps with a creation behind it. */
  dropAsked: boolean;
  /** Yes, no, or asked for without an answer. */
  exists: "yes" | "no" | "maybe";
  /** Creations and drops asked for: only the answer of the newest says whether the topic exists. */
  asked: number;
}

const TOPICS = ["a", "b", "c"];
const OPTIONS = {
  segmentBytes: 16 << 10,
  batchBytesMax: 8 << 10,
  recordBytesMax: 24 << 10,
  readBytes: 4 << 10,
};

class CrashRun {
  readonly #rng: Prng;
  readonly #faults: boolean;
  readonly #seen: Set<WalEvent["event"]>;
  readonly #model = new Map<string, TopicModel>();
  #disk = new CrashDisk();
  #clock = new ManualClock();
  #next = 0;

  constructor(seed: number, faults: boolean, seen: Set<WalEvent["event"]>) {
    this.#rng = Prng.fromSeed(seed);
    this.#faults = faults;
    this.#seen = seen;
    for (const topic of TOPICS) {
      const nothing = { truncated: POSITION_ZERO, maybeTruncated: POSITION_ZERO };
      this.#model.set(topic, {
        ...nothing,
        certain: [],
        open: new Set(),
        dropAsked: false,
        exists: "no",
        asked: 0,
      });
    }
  }

  async run(): Promise<void> {
    for (let generation = 0; generation < GENERATIONS; generation++) {
      // Some crashes hit recovery itself.
      this.#disk.operationsLeft = this.#rng.chance(0.3) ? this.#rng.between(1, 40) : Infinity;
      const wal = await this.#untilCrash(this.#open());
      if (wal !== undefined) {
        this.#disk.operationsLeft = Infinity;
        await this.#verify(wal);
        this.#disk.operationsLeft = this.#rng.between(1, 150);
        if (this.#faults) this.#injectFaults();
        await this.#untilCrash(this.#work(wal));
        if (!this.#disk.crashed && this.#rng.chance(0.5)) await this.#untilCrash(wal.close());
      }
      this.#disk = this.#rng.chance(0.8) ? this.#disk.powerCut(this.#rng) : this.#disk.kill();
    }
    const wal = await this.#open();
    await this.#verify(wal);
    await wal.close();
  }

  #open(): Promise<FileWal> {
    return FileWal.open({
      disk: this.#disk,
      folder: "wal",
      clock: this.#clock,
      checksum: crc32c,
      report: ({ event }) => this.#seen.add(event),
      options: OPTIONS,
    });
  }

  #injectFaults(): void {
    const disk = this.#disk;
    const failureRate = this.#rng.pick([0, 0.02, 0.1]);
    disk.capacity = this.#rng.chance(0.4) ? disk.usedBytes() + this.#rng.int(40_000) : Infinity;
    disk.fault = (operation, path) => {
      if (operation === "read" || operation === "stat" || operation === "list") return;
      if (this.#rng.chance(failureRate)) throw diskFailed({ path, operation }, new Error("EIO"));
    };
  }

  /** Requests in bursts, some awaited before the next. */
  async #work(wal: FileWal): Promise<void> {
    const disk = this.#disk;
    let pending: Promise<unknown>[] = [];
    for (let i = this.#rng.between(5, 80); i > 0; i--) {
      if (disk !== this.#disk) return;
      pending.push(this.#request(wal));
      if (this.#rng.chance(0.4)) {
        await Promise.all(pending);
        pending = [];
      }
      if (this.#faults && this.#rng.chance(0.1)) await this.#clock.advance(500);
      if (this.#faults && this.#rng.chance(0.05)) this.#disk.capacity = Infinity;
    }
    await Promise.all(pending);
  }

  async #request(wal: FileWal): Promise<void> {
    const name = this.#rng.pick(TOPICS);
    const topic = this.#topic(name);
    if (topic.exists !== "yes") return this.#create(wal, name, topic);
    const kind = this.#rng.weighted([
      [20, "append"],
      [2, "truncate"],
      [0.3, "drop"],
    ] as const);
    if (kind === "append") await this.#append(wal, name, topic);
    else if (kind === "truncate") await this.#truncate(wal, name, topic);
    else await this.#drop(wal, name, topic);
  }

  async #create(wal: FileWal, name: string, topic: TopicModel): Promise<void> {
    if (topic.exists === "no") topic.exists = "maybe";
    const asked = ++topic.asked;
    await this.#tolerate(async () => {
      await this.#answer(wal.createTopic(name));
      if (topic.asked === asked) topic.exists = "yes";
    });
  }

  async #append(wal: FileWal, name: string, topic: TopicModel): Promise<void> {
    const bytes = this.#rng.pick([0, 3, 100, 700, 5_000, 23_000]);
    const padding = "x".repeat(this.#rng.int(bytes + 1));
    const text = `${name}${this.#next++}+${padding.length}`;
    topic.open.add(text);
    const half = this.#rng.int(text.length);
    const chunks = [utf8Encode(text.slice(0, half)), utf8Encode(text.slice(half) + padding)];
    await this.#tolerate(async () => {
      const priority = this.#rng.chance(0.2) ? ({ priority: "reserve" } as const) : {};
      const position = await this.#answer(wal.append(name, chunks, priority));
      topic.open.delete(text);
      topic.certain.push({ position, text });
    });
  }

  async #truncate(wal: FileWal, name: string, topic: TopicModel): Promise<void> {
    const upTo = this.#rng.pick([...topic.certain.map(({ position }) => position), topic.truncated]);
    if (upTo > topic.maybeTruncated) topic.maybeTruncated = upTo;
    await this.#tolerate(async () => {
      await this.#answer(wal.truncate(name, upTo));
      if (upTo > topic.truncated) topic.truncated = upTo;
    });
  }

  async #drop(wal: FileWal, name: string, topic: TopicModel): Promise<void> {
    topic.exists = "maybe";
    topic.dropAsked = true;
    const asked = ++topic.asked;
    await this.#tolerate(async () => {
      await this.#answer(wal.dropTopic(name));
      if (topic.asked === asked) {
        topic.dropAsked = false;
        topic.exists = "no";
      }
      topic.certain = [];
      topic.open.clear();
      topic.truncated = topic.maybeTruncated = POSITION_ZERO;
    });
  }

  /** What a process says after its crash, nobody hears. */
  async #answer<T>(request: Promise<T>): Promise<T> {
    const disk = this.#disk;
    const answer = await request;
    if (disk !== this.#disk) await new Promise<never>(() => undefined);
    return answer;
  }

  /** With faults, any request may fail in the ways that the port names. */
  async #tolerate(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      const kind = error instanceof Error && "kind" in error ? error.kind : undefined;
      const dropped = kind === "mqTopicNotFound";
      const failed = this.#faults && (kind === "diskFull" || kind === "streamUnavailable");
      if (!dropped && !failed) throw error;
    }
  }

  async #verify(wal: FileWal): Promise<void> {
    for (const [name, topic] of this.#model) {
      const there = wal.topicNames.includes(name);
      if (topic.exists !== "maybe") assert.equal(there, topic.exists === "yes", `topic ${name}`);
      if (!there) {
        Object.assign(topic, {
          certain: [],
          exists: "no",
          truncated: POSITION_ZERO,
          maybeTruncated: POSITION_ZERO,
        });
        topic.open.clear();
        topic.dropAsked = false;
        continue;
      }
      const found = await readAll(wal, name, topic);
      const foundTexts = new Set(found.records.map(({ text }) => text));
      assert.equal(foundTexts.size, found.records.length, "a record appears twice");
      const kept = topic.certain.filter(({ position }) => position > found.truncated);
      const stillThere = found.records.filter(({ text }) => !topic.open.has(text));
      const startedOver = topic.dropAsked && stillThere.length === 0 && found.truncated === POSITION_ZERO;
      if (!startedOver) assert.deepEqual(stillThere, kept, `topic ${name}`);
      const order = found.records.map(({ position }) => position);
      assert.deepEqual(
        order,
        order.toSorted((x, y) => (x < y ? -1 : 1)),
      );
      // What a reader has seen stays; what it has not seen after a recovery never comes.
      topic.certain = found.records;
      topic.open.clear();
      topic.exists = "yes";
      topic.dropAsked = false;
      topic.truncated = topic.maybeTruncated = found.truncated;
    }
  }

  #topic(name: string): TopicModel {
    const topic = this.#model.get(name);
    assert.ok(topic);
    return topic;
  }

  async #untilCrash<T>(work: Promise<T>): Promise<T | undefined> {
    work.catch(() => undefined);
    for (;;) {
      const before = this.#disk.operations;
      const done = await Promise.race([work.then((value) => ({ value })), settle()]);
      if (done !== undefined) return done.value;
      if (this.#disk.crashed && this.#disk.operations === before) return undefined;
    }
  }
}

/** Everything behind the truncation point, which is one of those the model holds possible. */
async function readAll(
  stream: MessageStream,
  name: string,
  topic: TopicModel,
): Promise<{ readonly truncated: Position; readonly records: TopicModel["certain"] }> {
  const candidates = new Set([
    topic.truncated,
    topic.maybeTruncated,
    ...topic.certain.map((r) => r.position),
  ]);
  const last = await stream.lastPosition(name);
  if (topic.dropAsked) candidates.add(POSITION_ZERO);
  for (const truncated of [...candidates].sort((x, y) => (x < y ? -1 : 1))) {
    if (truncated < topic.truncated && !topic.dropAsked) continue;
    if (truncated > topic.maybeTruncated) continue;
    const records: TopicModel["certain"] = [];
    const controller = new AbortController();
    if (last <= truncated) controller.abort();
    try {
      for await (const batch of stream.read(name, truncated, controller.signal)) {
        for (const { position, payload } of batch) records.push({ position, text: textOf(payload) });
        if ((records.at(-1)?.position ?? last) >= last) controller.abort();
      }
      return { truncated, records };
    } catch (error) {
      if (!(error instanceof Error && "kind" in error && error.kind === "positionGone")) throw error;
    }
  }
  throw new assert.AssertionError({ message: `topic ${name} is truncated further than was asked` });
}

/** The record without its padding, which must be whole. */
function textOf(payload: Uint8Array): string {
  const [, text = "", padding = "0"] = /^([abc]\d+\+(\d+))x*$/.exec(utf8Decode(payload)) ?? [];
  assert.equal(payload.length, text.length + Number(padding));
  return text;
}
