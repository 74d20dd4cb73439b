import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, utf8Decode, utf8Encode } from "../../src/base/bytes.ts";
import { POSITION_ZERO, type MessageStream, type Position } from "../../src/ports/message-stream.ts";
import { isKind } from "./disk-contract.ts";

export interface MessageStreamUnderTest extends AsyncDisposable {
  readonly stream: MessageStream;
}

/** What every message stream does. Each test opens an empty one. */
export function messageStreamContract(name: string, open: () => Promise<MessageStreamUnderTest>): void {
  test(`${name}: records are read back in order, with the positions their appends returned`, async () => {
    await using opened = await open();
    const { stream } = opened;
    await stream.createTopic("a");
    const positions = await appendAll(stream, "a", ["one", "two", "", "four"]);
    assert.deepEqual(
      positions,
      positions.toSorted((x, y) => (x < y ? -1 : 1)),
    );
    assert.equal(new Set(positions).size, 4);
    assert.ok(positions.every((position) => position > POSITION_ZERO));
    const read = await readRecords(stream, "a", POSITION_ZERO, 4);
    assert.deepEqual(
      read.map(({ text }) => text),
      ["one", "two", "", "four"],
    );
    assert.deepEqual(
      read.map(({ position }) => position),
      positions,
    );
    assert.equal(await stream.lastPosition("a"), positions[3]);
  });

  test(`${name}: chunks of a record are joined, large ones too`, async () => {
    await using opened = await open();
    const { stream } = opened;
    await stream.createTopic("a");
    const chunks = [1, 0, 7, 5_000, 300_000, 3].map((bytes, i) => new Uint8Array(bytes).fill(i + 1));
    await stream.append("a", chunks);
    await stream.append("a", []);
    const payloads: Uint8Array[] = [];
    const controller = new AbortController();
    for await (const batch of stream.read("a", POSITION_ZERO, controller.signal)) {
      for (const { payload } of batch) payloads.push(payload.slice());
      if (payloads.length === 2) controller.abort();
    }
    assert.ok(Buffer.from(payloads[0] ?? []).equals(concatBytes(chunks)));
    assert.equal(payloads[1]?.length, 0);
  });

  test(`${name}: concurrent appends of many topics keep the call order within each`, async () => {
    await using opened = await open();
    const { stream } = opened;
    const topics = ["a", "b", "c"];
    await Promise.all(topics.map((topic) => stream.createTopic(topic)));
    const appends: Promise<Position>[] = [];
    for (let i = 0; i < 300; i++) {
      appends.push(stream.append(topics[i % 3] ?? "", [utf8Encode(String(i))]));
      if (i % 50 === 0) await appends.at(-1);
    }
    await Promise.all(appends);
    for (const [which, topic] of topics.entries()) {
      const read = await readRecords(stream, topic, POSITION_ZERO, 100);
      assert.deepEqual(
        read.map(({ text }) => Number(text)),
        Array.from({ length: 100 }, (_, i) => 3 * i + which),
      );
    }
  });

  test(`${name}: a reader starts behind any position and waits at the end for more`, async () => {
    await using opened = await open();
    const { stream } = opened;
    await stream.createTopic("a");
    const positions = await appendAll(stream, "a", ["0", "1", "2", "3"]);
    const waiting = readRecords(stream, "a", positions[1] ?? POSITION_ZERO, 5);
    const atEnd = readRecords(stream, "a", await stream.lastPosition("a"), 1);
    await appendAll(stream, "a", ["4"]);
    await appendAll(stream, "a", ["5", "6"]);
    assert.deepEqual(
      (await waiting).map(({ text }) => text),
      ["2", "3", "4", "5", "6"],
    );
    assert.equal((await atEnd)[0]?.text, "4");
  });

  test(`${name}: readers end when their signal aborts, before, while and without waiting`, async () => {
    await using opened = await open();
    const { stream } = opened;
    await stream.createTopic("a");
    assert.deepEqual(await collect(stream, "a", AbortSignal.abort()), []);
    const controller = new AbortController();
    const waiting = collect(stream, "a", controller.signal);
    await appendAll(stream, "a", ["x"]);
    setImmediate(() => controller.abort());
    assert.ok((await waiting).length <= 1);
  });

  test(`${name}: truncation refuses older positions, keeps later records and the last position`, async () => {
    await using opened = await open();
    const { stream } = opened;
    await stream.createTopic("a");
    assert.equal(await stream.lastPosition("a"), POSITION_ZERO);
    const positions = await appendAll(stream, "a", ["0", "1", "2", "3"]);
    const [p0 = POSITION_ZERO, p1 = POSITION_ZERO, , p3 = POSITION_ZERO] = positions;
    await stream.truncate("a", p1);
    await stream.truncate("a", p0);
    await assert.rejects(readRecords(stream, "a", POSITION_ZERO, 1), isKind("positionGone"));
    await assert.rejects(readRecords(stream, "a", p0, 1), isKind("positionGone"));
    const rest = await readRecords(stream, "a", p1, 2);
    assert.deepEqual(
      rest.map(({ text }) => text),
      ["2", "3"],
    );
    await stream.truncate("a", p3);
    assert.equal(await stream.lastPosition("a"), p3);
    const [next] = await appendAll(stream, "a", ["4"]);
    assert.ok((next ?? POSITION_ZERO) > p3);
    assert.equal((await readRecords(stream, "a", p3, 1))[0]?.text, "4");
  });

  test(`${name}: a truncation far behind the end reaches only what is there`, async () => {
    await using opened = await open();
    const { stream } = opened;
    await stream.createTopic("a");
    const [last = POSITION_ZERO] = await appendAll(stream, "a", ["0"]);
    await stream.truncate("a", last + (1n << 40n));
    assert.equal(await stream.lastPosition("a"), last);
    await appendAll(stream, "a", ["1"]);
    assert.equal((await readRecords(stream, "a", last, 1))[0]?.text, "1");
  });

  test(`${name}: a dropped topic ends its readers, is unknown, and comes back empty`, async () => {
    await using opened = await open();
    const { stream } = opened;
    await stream.createTopic("a");
    await appendAll(stream, "a", ["old"]);
    const reading = collect(stream, "a", new AbortController().signal);
    await readRecords(stream, "a", POSITION_ZERO, 1);
    await stream.dropTopic("a");
    await stream.dropTopic("a");
    assert.ok((await reading).length <= 1);
    await assert.rejects(stream.append("a", [utf8Encode("x")]), isKind("mqTopicNotFound"));
    await assert.rejects(stream.lastPosition("a"), isKind("mqTopicNotFound"));
    await assert.rejects(stream.truncate("a", POSITION_ZERO), isKind("mqTopicNotFound"));
    await assert.rejects(readRecords(stream, "a", POSITION_ZERO, 1), isKind("mqTopicNotFound"));
    await stream.createTopic("a");
    await appendAll(stream, "a", ["new"]);
    assert.equal((await readRecords(stream, "a", POSITION_ZERO, 1))[0]?.text, "new");
  });

  test(`${name}: creating a topic again changes nothing, also at the same time`, async () => {
    await using opened = await open();
    const { stream } = opened;
    await Promise.all([stream.createTopic("a"), stream.createTopic("a"), stream.createTopic("b")]);
    const [first = POSITION_ZERO] = await appendAll(stream, "a", ["kept"]);
    await stream.createTopic("a");
    assert.equal(await stream.lastPosition("a"), first);
    assert.equal(await stream.lastPosition("b"), POSITION_ZERO);
  });
}

export async function appendAll(
  stream: MessageStream,
  topic: string,
  texts: readonly string[],
): Promise<Position[]> {
  return Promise.all(texts.map((text) => stream.append(topic, [utf8Encode(text)])));
}

/** The next `count` records. */
export async function readRecords(
  stream: MessageStream,
  topic: string,
  after: Position,
  count: number,
): Promise<{ readonly position: Position; readonly text: string }[]> {
  const controller = new AbortController();
  const records: { position: Position; text: string }[] = [];
  for await (const batch of stream.read(topic, after, controller.signal)) {
    for (const { position, payload } of batch) records.push({ position, text: utf8Decode(payload) });
    if (records.length >= count) controller.abort();
  }
  assert.equal(records.length, count);
  return records;
}

async function collect(stream: MessageStream, topic: string, signal: AbortSignal): Promise<string[]> {
  const texts: string[] = [];
  for await (const batch of stream.read(topic, POSITION_ZERO, signal)) {
    for (const { payload } of batch) texts.push(utf8Decode(payload));
  }
  return texts;
}
