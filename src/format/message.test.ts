import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteFormatError } from "../base/bytes.ts";
import { Prng } from "../base/prng.ts";
import { mutate } from "../../tests/fuzz/mutate.ts";
import { METADATA_SAMPLES } from "../../tests/fuzz/samples.ts";
import { defineMessage, field, nested, optional, repeated, type MessageCodec } from "./message.ts";

interface Inner {
  readonly text: string;
}
interface Everything {
  readonly big: bigint;
  readonly signed: bigint;
  readonly small: number;
  readonly real: number;
  readonly flag: boolean;
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly map: Readonly<Record<string, string>>;
  readonly inner: Inner;
  readonly perhaps: bigint | undefined;
  readonly many: readonly number[];
  readonly inners: readonly Inner[];
}
const inner = defineMessage<Inner>("Inner", { text: field(1, "string") });
const table = {
  big: field(1, "uint64"),
  signed: field(2, "int64"),
  small: field(3, "uint32"),
  real: field(4, "double"),
  flag: field(5, "bool"),
  text: field(6, "string"),
  bytes: field(7, "bytes"),
  map: field(8, "map"),
  inner: field(9, nested(inner)),
  perhaps: optional(10, "uint64"),
  many: repeated(11, "uint32"),
  inners: repeated(12, nested(inner)),
};
const everything = defineMessage<Everything>("Everything", table);
const full: Everything = {
  big: 2n ** 64n - 1n,
  signed: -(2n ** 63n),
  small: 0xffff_ffff,
  real: -0.1,
  flag: true,
  text: "日本 🪁\ufeff",
  bytes: Uint8Array.of(0, 255),
  map: { a: "1", "": "empty key", bücher: "" },
  inner: { text: "in" },
  perhaps: 0n,
  many: [0, 1, 128, 300],
  inners: [{ text: "" }, { text: "x" }],
};

test("every kind of field comes back as it was", () => {
  assert.deepEqual(everything.decode(everything.encode(full)), full);
});

test("the smallest and largest numbers of each kind come back", () => {
  for (const value of [0n, 127n, 128n, 2n ** 28n - 1n, 2n ** 28n, 2n ** 35n, 2n ** 63n]) {
    const sent = { ...full, big: value, signed: BigInt.asIntN(64, -value) };
    assert.deepEqual(everything.decode(everything.encode(sent)), sent, String(value));
  }
  for (const real of [0, -0, Infinity, Number.NaN, 5e-324])
    assert.ok(Object.is(everything.decode(everything.encode({ ...full, real })).real, real), String(real));
});

test("no bytes are a message of zeros, in which only optional fields are absent", () => {
  assert.deepEqual(everything.decode(new Uint8Array(0)), {
    big: 0n,
    signed: 0n,
    small: 0,
    real: 0,
    flag: false,
    text: "",
    bytes: new Uint8Array(0),
    map: {},
    inner: { text: "" },
    perhaps: undefined,
    many: [],
    inners: [],
  });
});

test("fields of a newer release survive a rewrite, inside nested messages too", () => {
  interface New extends Everything {
    readonly added: string;
  }
  const newInner = defineMessage<Inner & { readonly more: bigint }>("Inner", {
    text: field(1, "string"),
    more: field(7, "uint64"),
  });
  const newer = defineMessage<Omit<New, "inner"> & { readonly inner: Inner & { readonly more: bigint } }>(
    "Everything",
    { ...table, inner: field(9, nested(newInner)), added: field(99, "string") },
  );
  const sent = { ...full, added: "later", inner: { text: "in", more: 5n } };
  const old = everything.decode(newer.encode(sent));
  assert.deepEqual(newer.decode(everything.encode({ ...old, text: "changed" })), {
    ...sent,
    text: "changed",
  });
});

test("a field whose number has another wire type here is kept as unknown", () => {
  const other = defineMessage<{ readonly text: string }>("Other", { text: field(1, "string") });
  const bytes = other.encode({ text: "was a number" });
  const read = everything.decode(bytes);
  assert.equal(read.big, 0n);
  assert.ok(Buffer.from(everything.encode(read)).includes(Buffer.from(bytes)));
});

test("the last one of a field that is not repeated counts, as in protobuf", () => {
  const twice = Buffer.concat([inner.encode({ text: "first" }), inner.encode({ text: "second" })]);
  assert.deepEqual(inner.decode(twice), { text: "second" });
});

test("keys of maps are only texts, __proto__ too", () => {
  const map = Object.fromEntries([
    ["__proto__", "p"],
    ["constructor", "c"],
  ]);
  const read = everything.decode(everything.encode({ ...full, map })).map;
  assert.deepEqual(Object.entries(read), Object.entries(map));
  assert.equal(Object.getPrototypeOf(read), Object.prototype);
});

test("what cannot be stored is refused when it is written", () => {
  const { text: _, ...without } = full;
  assert.throws(() => everything.encode(without as Everything), /text is missing/);
  for (const small of [-1, 0.5, 2 ** 32, Number.NaN])
    assert.throws(() => everything.encode({ ...full, small }), RangeError, String(small));
  assert.throws(
    () => defineMessage<{ a: bigint; b: bigint }>("Twice", { a: field(1, "uint64"), b: field(1, "uint64") }),
    /uses a field number twice/,
  );
});

test("malformed bytes are named", () => {
  const cases: [RegExp, number[]][] = [
    [/ends inside a field/, [0x08]],
    [/longer than 10 bytes/, [0x08, ...Array.from({ length: 10 }, () => 0xff)]],
    [/runs past the end/, [0x32, 5, 1]],
    [/does not fit 32 bits/, [0x18, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    [/not valid UTF-8/, [0x32, 1, 0xff]],
    [/wire type 3/, [0x0b]],
    [/wire type 7/, [0x0f]],
  ];
  for (const [message, bytes] of cases)
    assert.throws(() => everything.decode(Uint8Array.from(bytes)), { name: "ByteFormatError", message });
});

test("a message that holds itself ends at a depth, and elements at a number", () => {
  interface Nest {
    readonly of: Nest | undefined;
  }
  const self: MessageCodec<Nest> = {
    name: "Nest",
    encode: (value) => nest.encode(value),
    decode: (bytes) => nest.decode(bytes),
  };
  const nest: MessageCodec<Nest> = defineMessage<Nest>("Nest", { of: optional(1, nested(self)) });
  let deep: Nest = { of: undefined };
  for (let i = 0; i < 50; i++) deep = { of: deep };
  assert.deepEqual(nest.decode(nest.encode(deep)), deep);
  for (let i = 0; i < 50; i++) deep = { of: deep };
  const bytes = nest.encode(deep);
  assert.throws(() => nest.decode(bytes), /lies more than 64 deep/);
  assert.throws(() => nest.decode(bytes), /lies more than 64 deep/, "the second time, too");
  const list = defineMessage<{ readonly all: readonly Inner[] }>("List", { all: repeated(1, nested(inner)) });
  const many = new Uint8Array(600_000).map((_, i) => (i % 2 === 0 ? 10 : 0));
  assert.throws(() => list.decode(many), /more than 250000 of all/);
});

test("every cut of every kind of metadata record is a message or a ByteFormatError", () => {
  for (const { name, codec, value } of METADATA_SAMPLES) {
    const bytes = codec.encode(value);
    assert.deepEqual(codec.decode(bytes), value, name);
    for (let end = 0; end < bytes.length; end++) readsOrRefuses(codec, bytes.subarray(0, end));
  }
});

test("random damage to metadata records is a message or a ByteFormatError, and what is read stays", () => {
  const random = Prng.fromSeed("damaged messages");
  for (let round = 0; round < 3000; round++) {
    const { codec, value } = random.pick(METADATA_SAMPLES);
    readsOrRefuses(codec, mutate(random, codec.encode(value)));
  }
});

function readsOrRefuses(codec: MessageCodec<object>, bytes: Uint8Array): void {
  let value: object;
  try {
    value = codec.decode(bytes);
  } catch (error) {
    assert.ok(error instanceof ByteFormatError, `${codec.name}: ${String(error)}`);
    return;
  }
  const once = codec.encode(value);
  assert.deepEqual(codec.encode(codec.decode(once)), once, codec.name);
}
