import definitionsModule from "@zilliz/milvus2-sdk-node/dist/milvus/proto-json/milvus.base.js";
import protobuf from "protobufjs/light.js";
import type { Prng } from "../base/prng.ts";
import { planOf } from "./codec.ts";
import { Kind, newBulk, type FieldPlan } from "./message-plan.ts";
import { packBytes, packedAt, packedCount, type PackedBytes } from "./packed-bytes.ts";

/** protobufjs with the same definitions: what our encoding has to equal and what our decoding is compared with. */
const root = protobuf.Root.fromJSON((definitionsModule as { readonly default: protobuf.INamespace }).default);

type Fields = Record<string, unknown>;

export function oracleEncode(fullName: string, message: unknown): Uint8Array {
  const type = root.lookupType(fullName);
  return new Uint8Array(type.encode(type.create(toOracle(fullName, message as Fields))).finish());
}

export function oracleDecode(fullName: string, bytes: Uint8Array): Fields {
  return fromOracle(fullName, { ...root.lookupType(fullName).decode(bytes) });
}

/** Our message in protobufjs's shapes, without what is not on the wire. */
function toOracle(fullName: string, message: Fields): Fields {
  const out: Fields = {};
  for (const field of planOf(fullName).fields) {
    const value = message[field.name];
    if (value === undefined || sameDefault(field, value)) continue;
    out[field.name] = toOracleField(field, value);
  }
  return out;
}

function sameDefault(field: FieldPlan, value: unknown): boolean {
  if (field.shape !== "implicit") return false;
  return value instanceof Uint8Array ? value.length === 0 : Object.is(value, field.defaultValue);
}

function toOracleField(field: FieldPlan, value: unknown): unknown {
  if (field.shape === "map") {
    const map = value as ReadonlyMap<string, unknown>;
    return Object.fromEntries([...map].map(([key, entry]) => [key, toOracleValue(field, entry)]));
  }
  if (field.shape === "list") return (value as unknown[]).map((entry) => toOracleValue(field, entry));
  if (field.shape === "bulk") {
    if (!ArrayBuffer.isView(value)) return unpack(field, value as PackedBytes);
    if (value instanceof Uint8Array) return Array.from(value, (entry) => entry !== 0);
    return Array.from(value as unknown as Iterable<number | bigint>, (entry) => toOracleValue(field, entry));
  }
  return toOracleValue(field, value);
}

function unpack(field: FieldPlan, packed: PackedBytes): unknown[] {
  const values = Array.from({ length: packedCount(packed) }, (_, i) => packedAt(packed, i));
  if (field.kind === Kind.String) return values.map((value) => new TextDecoder().decode(value));
  return field.typeName === "" && isArrayRows(field) ? values.map(rowToOracle) : values;
}

/** `ArrayArray.data` is a list of messages for protobufjs and of their bytes for us. */
function isArrayRows(field: FieldPlan): boolean {
  return planOf(ARRAY_ROWS).fields.includes(field);
}

const ARRAY_ROWS = "milvus.proto.schema.ArrayArray";
const ROW = "milvus.proto.schema.ScalarField";

function rowToOracle(bytes: Uint8Array): unknown {
  return root.lookupType(ROW).decode(bytes);
}

function toOracleValue(field: FieldPlan, value: unknown): unknown {
  if (typeof value === "bigint") {
    return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)) };
  }
  return field.kind === Kind.Message ? toOracle(field.typeName, value as Fields) : value;
}

function fromOracle(fullName: string, message: Fields): Fields {
  const out: Fields = {};
  for (const field of planOf(fullName).fields) {
    out[field.name] = Object.hasOwn(message, field.name)
      ? fromOracleField(field, message[field.name])
      : field.defaultValue;
  }
  return out;
}

function fromOracleField(field: FieldPlan, value: unknown): unknown {
  if (field.shape === "map") {
    const map = new Map(
      Object.entries(value as Fields).map(([key, entry]) => [key, fromOracleValue(field, entry)]),
    );
    return map;
  }
  if (field.shape === "list") return (value as unknown[]).map((entry) => fromOracleValue(field, entry));
  if (field.shape === "bulk") {
    const values = value as unknown[];
    if (field.kind === Kind.String)
      return packBytes(values.map((v) => new TextEncoder().encode(v as string)));
    if (field.kind === Kind.Bytes) {
      const row = root.lookupType(ROW);
      return packBytes(
        values.map((v) =>
          isArrayRows(field) ? row.encode(v as protobuf.Message).finish() : (v as Uint8Array),
        ),
      );
    }
    const out = newBulk(field.kind, values.length) as unknown as { [index: number]: unknown };
    values.forEach((v, i) => (out[i] = field.kind === Kind.Bool ? Number(v) : fromOracleValue(field, v)));
    return out;
  }
  return fromOracleValue(field, value);
}

function fromOracleValue(field: FieldPlan, value: unknown): unknown {
  if (field.kind === Kind.Message) return fromOracle(field.typeName, value as Fields);
  if (field.kind === Kind.Int64 || field.kind === Kind.Uint64) return BigInt(String(value));
  if (field.kind === Kind.Bytes) return new Uint8Array(value as Uint8Array);
  return value;
}

/** A message of a type with random fields, nested at most `depth` deep. */
export function randomMessage(random: Prng, fullName: string, depth: number): Fields {
  const out: Fields = { ...planOf(fullName).empty };
  const taken = new Set<string>();
  for (const field of planOf(fullName).fields) {
    if (random.int(3) === 0 || taken.has(field.name)) continue;
    if (field.kind === Kind.Message && depth === 0) continue;
    // protobufjs hashes integer keys into strings; no served message has such a map.
    if (field.shape === "map" && field.key !== Kind.String) continue;
    for (const sibling of field.siblings) taken.add(sibling);
    out[field.name] = randomField(random, field, depth);
  }
  return out;
}

function randomField(random: Prng, field: FieldPlan, depth: number): unknown {
  const count = random.int(4) + 1;
  const values = Array.from({ length: count }, () => randomValue(random, field, depth));
  if (field.shape === "list") return values;
  // protobufjs prints keys that look like numbers first, whatever their order.
  if (field.shape === "map") return new Map(values.map((value, i) => [`k${i}é`, value]));
  if (field.shape !== "bulk") return values[0];
  if (field.kind === Kind.String)
    return packBytes(values.map((value) => new TextEncoder().encode(value as string)));
  if (field.kind === Kind.Bytes) {
    return packBytes(isArrayRows(field) ? values.map(() => randomRow(random)) : (values as Uint8Array[]));
  }
  const out = newBulk(field.kind, count) as unknown as { [index: number]: unknown };
  values.forEach((value, i) => (out[i] = value));
  return out;
}

function randomRow(random: Prng): Uint8Array {
  return oracleEncode(ROW, {
    ...planOf(ROW).empty,
    longData: { data: new BigInt64Array([random.uint64()]) },
  });
}

const TEXTS = [
  "",
  "a",
  "collection_1",
  "übergröße",
  "名字",
  "x".repeat(300),
  "🪁 kite",
  "a".repeat(47) + "é",
];

function randomValue(random: Prng, field: FieldPlan, depth: number): unknown {
  switch (field.kind) {
    case Kind.Double:
      return random.float() * 1e9 - 5e8;
    case Kind.Float:
      return Math.fround(random.float() * 100 - 50);
    case Kind.Int32:
      return (random.uint32() | 0) >> random.int(31);
    case Kind.Uint32:
      return random.uint32() >>> random.int(31);
    case Kind.Int64:
      return BigInt.asIntN(64, random.uint64()) >> BigInt(random.int(63));
    case Kind.Uint64:
      return random.uint64() >> BigInt(random.int(63));
    case Kind.Bool:
      return random.int(2) === 1;
    case Kind.String:
      return TEXTS[random.int(TEXTS.length)];
    case Kind.Bytes:
      return Uint8Array.from({ length: random.int(40) }, () => random.int(256));
    case Kind.Message:
      return randomMessage(random, field.typeName, depth - 1);
  }
}
