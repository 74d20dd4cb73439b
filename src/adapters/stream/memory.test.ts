import assert from "node:assert/strict";
import { test } from "node:test";
import { isKind } from "../../../tests/contract/disk-contract.ts";
import { ManualClock, settle } from "../../../tests/contract/manual-clock.ts";
import {
  appendAll,
  messageStreamContract,
  readRecords,
} from "../../../tests/contract/message-stream-contract.ts";
import { Prng } from "../../base/prng.ts";
import { streamUnavailable } from "../../errors/storage-errors.ts";
import { POSITION_ZERO } from "../../ports/message-stream.ts";
import { MemoryMessageStream, MemoryStreamLog } from "./memory.ts";

messageStreamContract("memory", async () => ({
  stream: new MemoryMessageStream(),
  [Symbol.asyncDispose]: async () => undefined,
}));

test("several instances share a log, and each one's records keep their order however they are delayed", async () => {
  const clock = new ManualClock();
  const log = new MemoryStreamLog();
  const instance = (name: string) => {
    const rng = Prng.fromSeed(name);
    return new MemoryMessageStream(log, { request: () => clock.sleep(rng.int(50)) });
  };
  const [one, two] = [instance("one"), instance("two")];
  await Promise.all([one.createTopic("a"), clock.advance(100)]);
  const numbers = Array.from({ length: 50 }, (_, i) => i);
  const appends = Promise.all([
    appendAll(
      one,
      "a",
      numbers.map((i) => `one ${i}`),
    ),
    appendAll(
      two,
      "a",
      numbers.map((i) => `two ${i}`),
    ),
  ]);
  await clock.advance(10_000);
  await appends;
  const read = (await readRecords(new MemoryMessageStream(log), "a", POSITION_ZERO, 100)).map(
    ({ text }) => text,
  );
  for (const name of ["one", "two"]) {
    const own = read.filter((text) => text.startsWith(name));
    assert.deepEqual(
      own,
      numbers.map((i) => `${name} ${i}`),
    );
  }
  assert.notDeepEqual(read, read.toSorted(), "they interleave");
});

test("a lost answer leaves the record, a lost request does not", async () => {
  const log = new MemoryStreamLog();
  const lose = async () => {
    throw streamUnavailable("lost");
  };
  const whole = new MemoryMessageStream(log);
  await whole.createTopic("a");
  await assert.rejects(
    appendAll(new MemoryMessageStream(log, { answer: lose }), "a", ["there"]),
    isKind("streamUnavailable"),
  );
  await assert.rejects(
    appendAll(new MemoryMessageStream(log, { request: lose }), "a", ["lost"]),
    isKind("streamUnavailable"),
  );
  await appendAll(whole, "a", ["last"]);
  const read = await readRecords(whole, "a", POSITION_ZERO, 2);
  assert.deepEqual(
    read.map(({ text }) => text),
    ["there", "last"],
  );
});

test("an append of a closed instance that is under way still lands, as a fenced writer's would", async () => {
  const clock = new ManualClock();
  const log = new MemoryStreamLog();
  const zombie = new MemoryMessageStream(log, { request: () => clock.sleep(10) });
  const owner = new MemoryMessageStream(log);
  await owner.createTopic("a");
  const late = appendAll(zombie, "a", ["late"]);
  const reading = readRecords(zombie, "a", POSITION_ZERO, 1);
  await settle();
  await zombie.close();
  await assert.rejects(reading, isKind("streamUnavailable"));
  await assert.rejects(appendAll(zombie, "a", ["refused"]), isKind("streamUnavailable"));
  await appendAll(owner, "a", ["owner"]);
  await clock.advance(100);
  await late;
  const read = await readRecords(owner, "a", POSITION_ZERO, 2);
  assert.deepEqual(
    read.map(({ text }) => text),
    ["owner", "late"],
  );
});
