import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import { decode, encode, type MessageName } from "./codec.ts";
import { definitionOf, resolveName } from "./definitions.ts";
import { oracleDecode, oracleEncode, randomMessage } from "./oracle.testing.ts";
import { packStrings, unpackStrings } from "./packed-bytes.ts";

const SERVICE = definitionOf("milvus.proto.milvus.MilvusService")?.methods ?? {};
const NAMES = [
  ...new Set(
    Object.values(SERVICE)
      .flatMap((method) => [method.requestType, method.responseType])
      .map((name) => resolveName(name, "milvus.proto.milvus").slice("milvus.proto.".length) as MessageName),
  ),
];

test("every message of the service encodes to protobufjs's bytes and decodes to its values", () => {
  const random = Prng.fromSeed("codec");
  for (const name of NAMES) {
    for (let round = 0; round < 3; round++) {
      const message = randomMessage(random, `milvus.proto.${name}`, 3);
      const expected = oracleEncode(`milvus.proto.${name}`, message);
      assert.deepEqual(encode(name, message as never), expected, name);
      assert.deepEqual(decode(name, expected), oracleDecode(`milvus.proto.${name}`, expected), name);
      assert.deepEqual(decode(name, expected), message, name);
    }
  }
});

test("an empty message has every field: zeros, empty lists, undefined where absence is known", () => {
  const request = decode("milvus.SearchRequest", new Uint8Array(0));
  assert.equal(request.nq, 0n);
  assert.equal(request.dsl, "");
  assert.equal(request.base, undefined);
  assert.equal(request.placeholderGroup, undefined);
  assert.deepEqual(request.outputFields, []);
  assert.equal(request.exprTemplateValues.size, 0);
  assert.deepEqual(encode("milvus.SearchRequest", {}), new Uint8Array(0));
});

const FLOATS = Float32Array.from([1.5, -2, 3e38, 0.1]);
const FLOAT_BYTES = new Uint8Array(FLOATS.buffer);

function packedFloats(from: number, to: number): number[] {
  return [0x0a, (to - from) * 4, ...FLOAT_BYTES.subarray(from * 4, to * 4)];
}

function singleFloat(index: number): number[] {
  return [0x0d, ...FLOAT_BYTES.subarray(index * 4, index * 4 + 4)];
}

test("float columns decode from packed, split, single and mixed encodings alike", () => {
  const encodings = [
    packedFloats(0, 4),
    [...packedFloats(0, 1), ...packedFloats(1, 4)],
    [0, 1, 2, 3].flatMap(singleFloat),
    [...singleFloat(0), ...packedFloats(1, 3), ...singleFloat(3)],
    [...packedFloats(0, 0), ...packedFloats(0, 4)],
    [...packedFloats(0, 2), 0x78, 0x05, ...packedFloats(2, 4)],
  ];
  for (const bytes of encodings) {
    assert.deepEqual(decode("schema.FloatArray", Uint8Array.from(bytes)).data, FLOATS);
  }
});

test("an aligned float column is a view of the request, an unaligned one a single copy", () => {
  const bytes = Uint8Array.from([0, 0, ...packedFloats(0, 4)]);
  const aligned = decode("schema.FloatArray", bytes.subarray(2)).data;
  assert.equal(aligned.buffer, bytes.buffer);
  const unaligned = decode("schema.FloatArray", Uint8Array.from([0, ...packedFloats(0, 4)]).subarray(1)).data;
  assert.equal(unaligned.byteOffset, 0);
  assert.deepEqual(unaligned, FLOATS);
});

test("integer columns keep all 64 bits, packed and single", () => {
  const values = BigInt64Array.from([0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 1n << 35n, 127n, 128n]);
  const packed = encode("schema.LongArray", { data: values });
  assert.deepEqual(decode("schema.LongArray", packed).data, values);
  const single = [...values].flatMap((v) => {
    const one = encode("schema.LongArray", { data: BigInt64Array.of(v) });
    return [0x08, ...one.subarray(2)];
  });
  assert.deepEqual(decode("schema.LongArray", Uint8Array.from(single)).data, values);
});

test("a message that comes in parts is merged, lists and columns included", () => {
  const first = encode("schema.ScalarField", { longData: { data: BigInt64Array.of(1n, 2n) } });
  const second = encode("schema.ScalarField", { longData: { data: BigInt64Array.of(3n) } });
  const merged = decode("schema.ScalarField", Uint8Array.from([...first, ...second]));
  assert.deepEqual(merged.longData?.data, BigInt64Array.of(1n, 2n, 3n));
  const strings = (text: string): Uint8Array =>
    encode("schema.ScalarField", { stringData: { data: packStrings([text]) } });
  const both = decode("schema.ScalarField", Uint8Array.from([...strings("a"), ...strings("bc")]));
  assert.deepEqual(both.stringData && unpackStrings(both.stringData.data), ["a", "bc"]);
});

test("of a oneof the last member on the wire counts", () => {
  const longs = encode("schema.ScalarField", { longData: { data: BigInt64Array.of(1n) } });
  const bools = encode("schema.ScalarField", { boolData: { data: Uint8Array.of(1) } });
  const field = decode("schema.ScalarField", Uint8Array.from([...longs, ...bools]));
  assert.equal(field.longData, undefined);
  assert.deepEqual(field.boolData?.data, Uint8Array.of(1));
});

test("unknown fields and groups are skipped", () => {
  const known = encode("common.KeyValuePair", { key: "k", value: "v" });
  const unknown = [0xf8, 0x07, 0x01, 0xfb, 0x07, 0x08, 0x01, 0xfc, 0x07, 0xf9, 0x07, 0, 0, 0, 0, 0, 0, 0, 0];
  assert.deepEqual(decode("common.KeyValuePair", Uint8Array.from([...unknown, ...known])), {
    key: "k",
    value: "v",
  });
});

test("headroom stands before the message for the caller's own header", () => {
  const bytes = encode("common.KeyValuePair", { key: "k" }, 5);
  assert.deepEqual(bytes, Uint8Array.of(0, 0, 0, 0, 0, 0x0a, 1, 0x6b));
  const large = encode("schema.FloatArray", { data: new Float32Array(100_000) }, 5);
  assert.deepEqual(large.subarray(0, 6), Uint8Array.of(0, 0, 0, 0, 0, 0x0a));
});

function refused(name: MessageName, bytes: number[], message: RegExp): void {
  assert.throws(
    () => decode(name, Uint8Array.from(bytes)),
    (error) => isRedkiteError(error, "parameterInvalid") && message.test(error.message),
    String(message),
  );
}

test("malformed bytes are refused with what is wrong in them", () => {
  refused(
    "common.KeyValuePair",
    [0x0a, 5, 0x61],
    /cannot read the bytes of a common.KeyValuePair: a length of 5 bytes where 1 are left/,
  );
  refused("common.KeyValuePair", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], /a length of 4294967295 bytes/);
  refused("common.KeyValuePair", [0x0a], /end inside of a value/);
  refused("common.KeyValuePair", [0x0a, 2, 0xc3, 0x28], /not valid UTF-8/);
  refused("common.KeyValuePair", [0x00, 1], /field number 0/);
  refused("common.KeyValuePair", [0x0f, 1], /wire type 7/);
  refused("common.KeyValuePair", [0x0c], /wire type 4/);
  refused("milvus.InsertRequest", [0x38, ...new Array(11).fill(0xff)], /longer than 10 bytes/);
  refused("schema.FloatArray", [0x0a, 3, 0, 0, 0], /3 bytes of packed numbers are no multiple of 4/);
  refused("schema.LongArray", [0x0a, 2, 1, 0x80], /packed numbers end inside of one/);
  refused("schema.StringArray", [0x0a, 1, 0xc3, 0x0a, 1, 0xa9], /not valid UTF-8/);
  refused("common.KeyValuePair", new Array(40).fill(0x1b), /groups nested deeper/);
});

test("nesting is bounded", () => {
  let bytes = encode("schema.TemplateArrayValue", {});
  for (let depth = 0; depth < 120; depth++) {
    bytes = Uint8Array.from([0x0a, ...varint(bytes.length), ...bytes]);
    bytes = Uint8Array.from([0x2a, ...varint(bytes.length), ...bytes]);
  }
  refused("schema.TemplateArrayValue", [...bytes], /nested deeper than 100/);
});

test("two bytes on the wire cannot become objects without end", () => {
  const bytes = new Uint8Array(2 * 1_000_001);
  for (let i = 0; i < bytes.length; i += 2) bytes[i] = 0x32;
  refused(
    "milvus.MutationResult",
    [0x0a, ...varint(bytes.length), ...bytes],
    /more than 1000000 values in one message/,
  );
});

function varint(value: number): number[] {
  const out = [];
  for (let v = value; ; v >>>= 7) {
    if (v < 0x80) return [...out, v];
    out.push((v & 0x7f) | 0x80);
  }
}
