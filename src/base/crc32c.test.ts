import test from "node:test";
import { equal, notEqual } from "node:assert/strict";
import { crc32c } from "./crc32c.ts";
import { utf8Encode } from "./bytes.ts";

/** Bit by bit from the definition: the oracle. */
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

test("known answers (RFC 3720 appendix B.4 and the check value)", () => {
  equal(crc32c(utf8Encode("123456789")), 0xe3069283);
  equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  equal(crc32c(new Uint8Array(0)), 0);
});

test("every length from 0 to 70 agrees with the definition, in one piece and in two", () => {
  for (let length = 0; length <= 70; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 167 + length * 13) & 0xff);
    const expected = slowCrc32c(bytes);
    equal(crc32c(bytes), expected);
    const cut = length >> 1;
    equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), expected);
  }
});

test("a flipped bit changes the checksum", () => {
  const bytes = utf8Encode("acknowledged only when durable");
  const before = crc32c(bytes);
  bytes[11] = (bytes[11] ?? 0) ^ 4;
  notEqual(crc32c(bytes), before);
});
