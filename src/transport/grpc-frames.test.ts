import assert from "node:assert/strict";
import { test } from "node:test";
import { readFramePrefix, withHeadroom, writeFramePrefix } from "./grpc-frames.ts";
import { fuzzGrpcFrames } from "./grpc-frames.fuzz.ts";
import { encodeGrpcMessage, GrpcCode, toGrpcError } from "./grpc-status.ts";
import { parseGrpcTimeout } from "./grpc-timeout.ts";
import { InflightBytes } from "./inflight-bytes.ts";
import { canceled, deadlineExceeded, serviceUnavailable } from "../errors/service-errors.ts";
import { TimeoutWheel, WheelEntry } from "./timeout-wheel.ts";

test("damaged frames and messages are all answered and leave nothing behind", async () => {
  const report = await fuzzGrpcFrames({ seed: 1, count: 2000 });
  assert.equal(report.inputs, 2000);
  assert.ok(report.answered > 500 && report.endedConnections > 50, JSON.stringify(report));
});

test("a prefix is written and read back", () => {
  for (const length of [0, 1, 255, 256, 70_000]) {
    const frame = withHeadroom(new Uint8Array(length), 5);
    writeFramePrefix(frame, length === 256);
    assert.deepEqual(readFramePrefix(frame, 0, 70_000), { compressed: length === 256, length });
  }
  assert.throws(
    () => readFramePrefix(Buffer.of(0, 0x80, 0, 0, 0), 0, 100),
    /larger than max \(2147483648 vs\. 100\)/,
  );
});

test("timeouts are read in all units and refused otherwise", () => {
  const valid = { "2H": 7_200_000, "3M": 180_000, "4S": 4000, "5m": 5, "6000u": 6, "7000000n": 7, "0n": 0 };
  for (const [header, ms] of Object.entries(valid)) assert.equal(parseGrpcTimeout(header), ms, header);
  for (const header of ["", "5", "m", "-1S", "1.5S", "123456789S", "1x", " 1S"]) {
    assert.equal(parseGrpcTimeout(header), undefined, header);
  }
});

test("messages are percent-encoded outside of printable ASCII", () => {
  assert.equal(encodeGrpcMessage("plain ~text!"), "plain ~text!");
  assert.equal(encodeGrpcMessage("50% ü\n"), "50%25 %C3%BC%0A");
});

test("expected errors become the status that says most", () => {
  assert.equal(toGrpcError(deadlineExceeded()).code, GrpcCode.DEADLINE_EXCEEDED);
  assert.equal(toGrpcError(canceled()).code, GrpcCode.CANCELLED);
  assert.equal(toGrpcError(serviceUnavailable("gone")).code, GrpcCode.UNAVAILABLE);
  assert.equal(toGrpcError("text").code, GrpcCode.UNKNOWN);
});

test("bytes in flight are admitted in order, and the largest request alone", () => {
  const inflight = new InflightBytes({ bytesMax: 100, waitersMax: 2 });
  const admitted: number[] = [];
  const waiter = (cost: number): { cost: number; admit(): void } => ({
    cost,
    admit: () => admitted.push(cost),
  });
  assert.equal(inflight.acquire(waiter(60)), "admitted");
  assert.equal(inflight.acquire(waiter(1000)), "waiting");
  const small = waiter(10);
  assert.equal(inflight.acquire(small), "waiting", "a small one does not overtake");
  assert.equal(inflight.acquire(waiter(0)), "admitted", "nothing costs nothing");
  assert.equal(inflight.acquire(waiter(5)), "refused");
  inflight.release(60);
  assert.deepEqual([admitted, inflight.bytes, inflight.waiting], [[1000], 100, 1]);
  inflight.forget(small);
  inflight.release(1000);
  assert.deepEqual([admitted, inflight.bytes, inflight.waiting], [[1000], 0, 0]);
  inflight.charge(30);
  assert.equal(inflight.acquire(waiter(80)), "waiting");
  inflight.release(30);
  assert.deepEqual([admitted, inflight.bytes], [[1000, 80], 80]);
});

test("timeouts fire once, not early, and not after they were removed", async () => {
  const wheel = new TimeoutWheel();
  const fired: string[] = [];
  class Entry extends WheelEntry {
    readonly label: string;
    constructor(label: string) {
      super();
      this.label = label;
    }
    onTimeout(nowMs: number): void {
      assert.ok(nowMs >= this.wheelExpiresAtMs);
      fired.push(this.label);
    }
  }
  const [first, second, removed, far] = ["first", "second", "removed", "far"].map(
    (label) => new Entry(label),
  );
  assert.ok(first && second && removed && far);
  const nowMs = performance.now();
  wheel.add(far, nowMs + 3_600_000);
  wheel.add(second, nowMs + 30);
  wheel.add(first, nowMs + 5_000_000);
  wheel.add(removed, nowMs + 1);
  wheel.add(first, nowMs - 100);
  wheel.remove(removed);
  assert.equal(wheel.size, 3);
  // The wheel's timer keeps no process alive, so this one does.
  const deadline = setTimeout(() => {}, 10_000);
  while (fired.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  clearTimeout(deadline);
  assert.deepEqual(fired, ["first", "second"]);
  wheel.remove(far);
  assert.equal(wheel.size, 0);
});
