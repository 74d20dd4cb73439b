import test from "node:test";
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import {
  ByteFormatError,
  ByteReader,
  ByteWriter,
  compareBytes,
  concatBytes,
  equalBytes,
  fromHex,
  toHex,
  utf8Decode,
  utf8Encode,
} from "./bytes.ts";

test("what a writer wrote, a reader reads back in order", () => {
  const bytes = new ByteWriter({ capacity: 1 })
    .u8(255)
    .u16(65535)
    .u32(4294967295)
    .u64(18446744073709551615n)
    .i8(-128)
    .i16(-32768)
    .i32(-2147483648)
    .i64(-9223372036854775808n)
    .f32(1.5)
    .f64(Math.PI)
    .string("Röte Milane 🪁")
    .lengthPrefixed(Uint8Array.of(1, 2))
    .u64(42)
    .finish();
  const reader = new ByteReader(bytes);
  equal(reader.u8(), 255);
  equal(reader.u16(), 65535);
  equal(reader.u32(), 4294967295);
  equal(reader.u64(), 18446744073709551615n);
  equal(reader.i8(), -128);
  equal(reader.i16(), -32768);
  equal(reader.i32(), -2147483648);
  equal(reader.i64(), -9223372036854775808n);
  equal(reader.f32(), 1.5);
  equal(reader.f64(), Math.PI);
  equal(reader.string(), "Röte Milane 🪁");
  deepEqual(reader.lengthPrefixed(), Uint8Array.of(1, 2));
  equal(reader.u64AsNumber(), 42);
  reader.end();
});

test("values are little-endian", () => {
  equal(toHex(new ByteWriter().u32(0x01020304).u16(0x0506).finish()), "040302010605");
});

test("a reader works on a view at an odd offset of a larger buffer", () => {
  const backing = Uint8Array.of(9, 9, 9, 1, 0, 0, 0, 9);
  equal(new ByteReader(backing.subarray(3, 7)).u32(), 1);
});

test("reading past the end names the offset and reads nothing", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3));
  reader.u8();
  throws(
    () => reader.u32(),
    (error) =>
      error instanceof ByteFormatError && error.offset === 1 && /u32 .* offset 1 of 3/.test(error.message),
  );
  equal(reader.offset, 1);
  throws(() => reader.bytes(-1), ByteFormatError);
  throws(() => reader.skip(3), ByteFormatError);
  throws(() => reader.seek(4), /offset 4 is outside of 3 bytes/);
  throws(() => reader.end(), /2 unexpected bytes after offset 1/);
  deepEqual(reader.rest(), Uint8Array.of(2, 3));
});

test("damaged lengths, texts and counts are refused", () => {
  throws(
    () => new ByteReader(new ByteWriter().u32(1000).u8(1).finish()).lengthPrefixed(),
    /length 1000 at offset 0/,
  );
  throws(
    () => new ByteReader(new ByteWriter().lengthPrefixed(Uint8Array.of(0xff)).finish()).string(),
    /not valid UTF-8/,
  );
  throws(() => new ByteReader(new ByteWriter().u64(2n ** 60n).finish()).u64AsNumber(), /too large/);
});

test("a writer refuses values that do not fit and grows only to its limit", () => {
  const writer = new ByteWriter({ capacity: 4, bytesMax: 8 });
  throws(() => writer.u8(256), /256 does not fit u8/);
  throws(() => writer.u32(1.5), /1.5 does not fit u32/);
  throws(() => writer.i8(-129), RangeError);
  throws(() => writer.u64(-1n), /-1 does not fit u64/);
  throws(() => writer.i64(2n ** 63n), /does not fit i64/);
  equal(writer.length, 0);
  writer.u64(7n);
  throws(() => writer.u8(1), /9 bytes exceed the writer's limit of 8/);
  deepEqual(writer.finish(), Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0));
});

test("patching, aligning and resetting keep the buffer consistent", () => {
  const writer = new ByteWriter().u32(0).u8(7).align(4);
  equal(writer.length, 8);
  writer.patchU32(0, 0xdeadbeef);
  equal(toHex(writer.view()), "efbeadde07000000");
  throws(() => writer.patchU32(5, 1), /not within the 8 bytes/);
  equal(writer.align(4).length, 8);
  writer.reset();
  writer.zeros(3);
  equal(toHex(writer.finish()), "000000");
});

test("concat, equality and order of byte strings", () => {
  deepEqual(concatBytes([Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)]), Uint8Array.of(1, 2, 3));
  ok(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)));
  ok(!equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
  ok(!equalBytes(Uint8Array.of(1), Uint8Array.of(1, 0)));
  ok(compareBytes(Uint8Array.of(1), Uint8Array.of(1, 0)) < 0);
  ok(compareBytes(Uint8Array.of(255), Uint8Array.of(1, 0)) > 0);
  equal(compareBytes(Uint8Array.of(3), Uint8Array.of(3)), 0);
});

test("hex and UTF-8 go both ways and refuse damage", () => {
  deepEqual(fromHex("00fFa1"), Uint8Array.of(0, 255, 161));
  equal(toHex(fromHex("00ffa1")), "00ffa1");
  throws(() => fromHex("abc"), /3 hex digits/);
  throws(() => fromHex("ax"), /"x" at position 1/);
  equal(utf8Decode(utf8Encode("\uFEFFé")), "\uFEFFé");
  throws(() => utf8Decode(Uint8Array.of(0xc3)), ByteFormatError);
});
