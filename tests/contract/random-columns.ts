import type { Prng } from "../../src/base/prng.ts";
import { newBitset, setBit } from "../../src/base/bitset.ts";
import { columnKind, fixedValuesOver, rowBytes } from "../../src/format/column-buffers.ts";
import type { BytesColumn, Column, FixedColumn } from "../../src/model/columns.ts";
import { DataType, isDenseVector } from "../../src/model/data-type.ts";
import { fieldId } from "../../src/model/ids.ts";
import { type FieldSchema, plainField } from "../../src/model/schema.ts";

/** A field with everything a test does not care about left out. */
export function testField(id: number, type: DataType, more: Partial<FieldSchema> = {}): FieldSchema {
  return plainField(fieldId(id), `f${id}`, type, {
    maxLength: type === DataType.VarChar ? 256 : 0,
    maxCapacity: type === DataType.Array ? 64 : 0,
    ...more,
  });
}

/** One nullable field of every stored type, arrays of every element type included; ids from `firstId`. */
export function fieldsOfEveryType(firstId: number): FieldSchema[] {
  const scalars = [
    DataType.Bool,
    DataType.Int8,
    DataType.Int16,
    DataType.Int32,
    DataType.Int64,
    DataType.Float,
    DataType.Double,
    DataType.VarChar,
  ] as const;
  const vectors: [DataType, number][] = [
    [DataType.FloatVector, 5],
    [DataType.Float16Vector, 7],
    [DataType.BFloat16Vector, 6],
    [DataType.BinaryVector, 24],
    [DataType.Int8Vector, 9],
    [DataType.SparseFloatVector, 0],
  ];
  let id = firstId;
  return [
    ...scalars.map((type) => testField(id++, type, { nullable: true })),
    testField(id++, DataType.JSON, { nullable: true }),
    ...scalars.map((elementType) => testField(id++, DataType.Array, { nullable: true, elementType })),
    ...vectors.map(([type, dim]) => testField(id++, type, { nullable: true, dim })),
  ];
}

/** Random rows of a field; nulls where the field allows them, each with probability `nulls`. */
export function randomColumn(prng: Prng, field: FieldSchema, rows: number, nulls = 0.2): Column {
  const present = Array.from({ length: rows }, () => !field.nullable || !prng.chance(nulls));
  const validity = present.includes(false) ? newBitset(rows) : undefined;
  if (validity !== undefined) present.forEach((has, row) => has && setBit(validity, row));
  const column = randomValues(prng, field, present);
  return { ...column, validity };
}

function randomValues(prng: Prng, field: FieldSchema, present: readonly boolean[]): Column {
  const rows = present.length;
  switch (columnKind(field.type)) {
    case "fixed":
      return randomFixed(prng, field.type, field.dim, present);
    case "bytes":
      return randomBytes(prng, field.type, present);
    default: {
      const offsets = new Int32Array(rows + 1);
      present.forEach((has, row) => (offsets[row + 1] = (offsets[row] ?? 0) + (has ? prng.int(5) : 0)));
      const elements = Array.from({ length: offsets[rows] ?? 0 }, () => true);
      const child =
        columnKind(field.elementType) === "bytes"
          ? randomBytes(prng, field.elementType, elements)
          : randomFixed(prng, field.elementType, 0, elements);
      return { kind: "list", type: field.type, rows, offsets, child, validity: undefined };
    }
  }
}

function randomFixed(prng: Prng, type: DataType, dim: number, present: readonly boolean[]): FixedColumn {
  const width = rowBytes(type, dim);
  const values = fixedValuesOver(type, new Uint8Array(present.length * width));
  const perRow = values.length / Math.max(1, present.length);
  for (let i = 0; i < values.length; i++) {
    if (!present[Math.floor(i / perRow)]) continue;
    if (values instanceof BigInt64Array) values[i] = randomInt64(prng);
    else values[i] = randomNumber(prng, type, i % 2 === 1);
  }
  return { kind: "fixed", type, dim, rows: present.length, values, validity: undefined };
}

/** Small numbers often, so that equal values and ties occur. */
function randomInt64(prng: Prng): bigint {
  return prng.chance(0.8) ? BigInt(prng.between(-20, 20)) : BigInt.asIntN(64, prng.uint64());
}

function randomNumber(prng: Prng, type: DataType, isHighByte: boolean): number {
  switch (type) {
    case DataType.Bool:
      return prng.int(2);
    case DataType.Float:
    case DataType.Double:
      return prng.chance(0.5) ? prng.between(-20, 20) : prng.gaussian() * 100;
    case DataType.FloatVector:
      return prng.gaussian();
    case DataType.Float16Vector:
    case DataType.BFloat16Vector:
      // The high byte holds sign and exponent: kept near 1, so that no infinity and no NaN comes up.
      return isHighByte ? (prng.chance(0.5) ? 0x3c : 0xbc) : prng.int(256);
    case DataType.Int32:
      return prng.chance(0.8) ? prng.between(-20, 20) : prng.uint32() | 0;
    default:
      return prng.chance(0.8) || isDenseVector(type) ? prng.between(-20, 20) & 0xff : prng.uint32();
  }
}

function randomBytes(prng: Prng, type: DataType, present: readonly boolean[]): BytesColumn {
  const parts = present.map((has) => (has ? randomText(prng, type) : new Uint8Array(0)));
  const offsets = new Int32Array(parts.length + 1);
  parts.forEach((part, row) => (offsets[row + 1] = (offsets[row] ?? 0) + part.length));
  const bytes = new Uint8Array(offsets[parts.length] ?? 0);
  parts.forEach((part, row) => bytes.set(part, offsets[row] ?? 0));
  return { kind: "bytes", type, rows: parts.length, offsets, bytes, validity: undefined };
}

const words = ["", "a", "ab", "abc", "kite", "Kite", "é", "日本", "🪁", "a%b", "under_score", "zz"];

function randomText(prng: Prng, type: DataType): Uint8Array {
  if (type === DataType.SparseFloatVector) return randomSparse(prng);
  const text = Array.from({ length: prng.between(0, 3) }, () => prng.pick(words)).join("");
  return new TextEncoder().encode(type === DataType.JSON ? JSON.stringify({ text, n: prng.int(10) }) : text);
}

/** Up to six pairs with ascending indices. */
function randomSparse(prng: Prng): Uint8Array {
  const indices = [...new Set(Array.from({ length: prng.between(1, 6) }, () => prng.int(20)))].sort(
    (a, b) => a - b,
  );
  const bytes = new Uint8Array(indices.length * 8);
  const view = new DataView(bytes.buffer);
  indices.forEach((index, i) => {
    view.setUint32(i * 8, index, true);
    view.setFloat32(i * 8 + 4, Math.abs(prng.gaussian()), true);
  });
  return bytes;
}
