import assert from "node:assert/strict";
import { test } from "node:test";
import { isRedkiteError } from "../errors/redkite-error.ts";
import type { Column } from "../model/columns.ts";
import { DataType } from "../model/data-type.ts";
import { fieldId } from "../model/ids.ts";
import { type FieldSchema, plainField } from "../model/schema.ts";
import { decode, encode, type Init } from "./codec.ts";
import { encodeFieldData } from "./field-data-encode.ts";
import { arrayRowsToList } from "./array-rows.ts";
import { decodeFieldData } from "./field-data.ts";
import type { FieldData, ScalarField } from "./messages.gen.ts";
import type { TimeFormat } from "./text-columns.ts";
import { packBytes, packedAt, packStrings, unpackStrings } from "./packed-bytes.ts";

const BASE: FieldSchema = plainField(fieldId(101), "f", DataType.Int64, { maxLength: 64, maxCapacity: 8 });

function field(type: DataType, more: Partial<FieldSchema> = {}): FieldSchema {
  return { ...BASE, type, ...more };
}

/** Through the bytes, as a request comes. */
function column(data: Init<FieldData>, schema: FieldSchema, rows: number): Column {
  return decodeFieldData(
    decode("schema.FieldData", encode("schema.FieldData", data)),
    schema,
    rows,
    "Asia/Shanghai",
  );
}

function answered(
  value: Column,
  schema: FieldSchema,
  times: TimeFormat = { zone: "UTC", parts: [] },
): FieldData {
  return decode("schema.FieldData", encode("schema.FieldData", encodeFieldData(value, schema, times)));
}

const FLOATS = Float32Array.of(1, 2, 3, 4, 5, 6);

const SCALARS: readonly [string, FieldSchema, Init<ScalarField>, unknown][] = [
  ["Bool", field(DataType.Bool), { boolData: { data: Uint8Array.of(1, 0, 1) } }, Uint8Array.of(1, 0, 1)],
  [
    "Int8",
    field(DataType.Int8),
    { intData: { data: Int32Array.of(-128, 0, 127) } },
    Int8Array.of(-128, 0, 127),
  ],
  [
    "Int16",
    field(DataType.Int16),
    { intData: { data: Int32Array.of(-32768, 0, 7) } },
    Int16Array.of(-32768, 0, 7),
  ],
  [
    "Int32",
    field(DataType.Int32),
    { intData: { data: Int32Array.of(-1, 0, 1 << 30) } },
    Int32Array.of(-1, 0, 1 << 30),
  ],
  [
    "Int64",
    field(DataType.Int64),
    { longData: { data: BigInt64Array.of(-1n, 0n, 1n << 62n) } },
    BigInt64Array.of(-1n, 0n, 1n << 62n),
  ],
  [
    "Float",
    field(DataType.Float),
    { floatData: { data: Float32Array.of(1.5, -2, 0) } },
    Float32Array.of(1.5, -2, 0),
  ],
  [
    "Double",
    field(DataType.Double),
    { doubleData: { data: Float64Array.of(0.1, -2, 0) } },
    Float64Array.of(0.1, -2, 0),
  ],
];

test("scalar columns of each type come and go unchanged", () => {
  for (const [name, schema, scalars, expected] of SCALARS) {
    const value = column({ scalars }, schema, 3);
    assert.equal(value.kind, "fixed", name);
    assert.deepEqual(value.kind === "fixed" && value.values, expected, name);
    const back = answered(value, schema);
    assert.deepEqual(back.scalars, decode("schema.ScalarField", encode("schema.ScalarField", scalars)), name);
    assert.equal(back.fieldName, "f");
    assert.equal(back.fieldId, 101n);
    assert.equal(back.validData.length, 0);
  }
});

test("strings and JSON become offsets and bytes, and go back unchanged", () => {
  const strings = column(
    { scalars: { stringData: { data: packStrings(["a", "", "größe"]) } } },
    field(DataType.VarChar),
    3,
  );
  assert.deepEqual(strings.kind === "bytes" && strings.offsets, Int32Array.of(0, 1, 1, 8));
  const back = answered(strings, field(DataType.VarChar));
  assert.deepEqual(back.scalars?.stringData && unpackStrings(back.scalars.stringData.data), [
    "a",
    "",
    "größe",
  ]);
  const dynamic = field(DataType.JSON, { isDynamic: true, name: "$meta" });
  const json = column({ scalars: { jsonData: { data: packStrings(['{"a":1}']) } } }, dynamic, 1);
  const jsonBack = answered(json, dynamic);
  assert.equal(jsonBack.isDynamic, true);
  assert.deepEqual(jsonBack.scalars?.jsonData && unpackStrings(jsonBack.scalars.jsonData.data), ['{"a":1}']);
});

test("vectors of half precision may come in single precision", () => {
  for (const type of [DataType.Float16Vector, DataType.BFloat16Vector]) {
    const vectors = { dim: 2n, floatVector: { data: Float32Array.of(1, 0.5, -2, 0) } };
    const value = column({ vectors }, field(type, { dim: 2 }), 2);
    const one = type === DataType.Float16Vector ? 0x3c : 0x3f;
    assert.deepEqual([value.kind === "fixed" && value.values.length, value.rows], [8, 2]);
    assert.deepEqual(value.kind === "fixed" && value.values[1], one);
  }
});

test("dense vectors of each type come and go unchanged", () => {
  const cases: readonly [DataType, number, FieldData["vectors"] | object, unknown][] = [
    [DataType.FloatVector, 3, { floatVector: { data: FLOATS } }, FLOATS],
    [DataType.Float16Vector, 3, { float16Vector: new Uint8Array(12).fill(7) }, new Uint8Array(12).fill(7)],
    [DataType.BFloat16Vector, 3, { bfloat16Vector: new Uint8Array(12).fill(8) }, new Uint8Array(12).fill(8)],
    [DataType.BinaryVector, 16, { binaryVector: Uint8Array.of(1, 2, 3, 4) }, Uint8Array.of(1, 2, 3, 4)],
    [
      DataType.Int8Vector,
      3,
      { int8Vector: Uint8Array.of(255, 2, 3, 4, 5, 6) },
      Int8Array.of(-1, 2, 3, 4, 5, 6),
    ],
  ];
  for (const [type, dim, payload, expected] of cases) {
    const schema = field(type, { dim });
    const vectors = { dim: BigInt(dim), ...payload };
    const value = column({ vectors }, schema, 2);
    assert.deepEqual(value.kind === "fixed" && value.values, expected);
    assert.deepEqual(
      answered(value, schema).vectors,
      decode("schema.VectorField", encode("schema.VectorField", vectors)),
    );
  }
});

const SPARSE = packBytes([sparseRow([1, 0.5], [7, 2]), sparseRow(), sparseRow([100, 1])]);

function sparseRow(...pairs: readonly [number, number][]): Uint8Array {
  const view = new DataView(new ArrayBuffer(pairs.length * 8));
  pairs.forEach(([index, value], i) => {
    view.setUint32(i * 8, index, true);
    view.setFloat32(i * 8 + 4, value, true);
  });
  return new Uint8Array(view.buffer);
}

test("sparse vectors keep their rows, and the answer says the largest index", () => {
  const schema = field(DataType.SparseFloatVector);
  const value = column({ vectors: { sparseFloatVector: { contents: SPARSE, dim: 8n } } }, schema, 3);
  const back = answered(value, schema).vectors;
  assert.deepEqual(back?.sparseFloatVector?.contents, SPARSE);
  assert.equal(back?.sparseFloatVector?.dim, 101n);
  assert.equal(back?.dim, 101n);
});

function arrayRow(scalars: Init<ScalarField>): Uint8Array {
  return encode("schema.ScalarField", scalars);
}

test("arrays become one child column, and go back unchanged", () => {
  const longs = packBytes([
    arrayRow({ longData: { data: BigInt64Array.of(1n, 2n) } }),
    arrayRow({ longData: {} }),
    arrayRow({ longData: { data: BigInt64Array.of(3n) } }),
  ]);
  const schema = field(DataType.Array, { elementType: DataType.Int64 });
  const value = column({ scalars: { arrayData: { data: longs, elementType: 5 } } }, schema, 3);
  assert.ok(value.kind === "list" && value.child.kind === "fixed");
  assert.deepEqual(value.offsets, Int32Array.of(0, 2, 2, 3));
  assert.deepEqual(value.child.values, BigInt64Array.of(1n, 2n, 3n));
  assert.deepEqual(answered(value, schema).scalars?.arrayData?.data, longs);

  const texts = packBytes([
    arrayRow({ stringData: { data: packStrings(["x", "yz"]) } }),
    arrayRow({ stringData: {} }),
  ]);
  const strings = field(DataType.Array, { elementType: DataType.VarChar });
  const stringValue = column({ scalars: { arrayData: { data: texts } } }, strings, 2);
  assert.deepEqual(answered(stringValue, strings).scalars?.arrayData?.data, texts);
  const bytes = packBytes([arrayRow({ intData: { data: Int32Array.of(-1, 5) } })]);
  const small = field(DataType.Array, { elementType: DataType.Int8 });
  const smallValue = column({ scalars: { arrayData: { data: bytes } } }, small, 1);
  assert.ok(smallValue.kind === "list" && smallValue.child.kind === "fixed");
  assert.deepEqual(smallValue.child.values, Int8Array.of(-1, 5));
  assert.deepEqual(answered(smallValue, small).scalars?.arrayData?.data, bytes);
});

const VALID = Uint8Array.of(1, 0, 1);

test("null rows come without a value and leave with a slot in scalars and none in vectors", () => {
  const nullable = field(DataType.Int64, { nullable: true });
  const longs = column(
    { scalars: { longData: { data: BigInt64Array.of(7n, 9n) } }, validData: VALID },
    nullable,
    3,
  );
  assert.ok(longs.kind === "fixed");
  assert.deepEqual(longs.values, BigInt64Array.of(7n, 0n, 9n));
  assert.deepEqual(longs.validity, Uint8Array.of(0b101));
  const longsBack = answered(longs, nullable);
  assert.deepEqual(longsBack.scalars?.longData?.data, BigInt64Array.of(7n, 0n, 9n));
  assert.deepEqual(longsBack.validData, VALID);

  const vector = field(DataType.FloatVector, { nullable: true, dim: 3 });
  const vectors = column(
    { vectors: { dim: 3n, floatVector: { data: FLOATS } }, validData: VALID },
    vector,
    3,
  );
  assert.ok(vectors.kind === "fixed");
  assert.deepEqual(vectors.values, Float32Array.of(1, 2, 3, 0, 0, 0, 4, 5, 6));
  const vectorsBack = answered(vectors, vector);
  assert.deepEqual(vectorsBack.vectors?.floatVector?.data, FLOATS);
  assert.deepEqual(vectorsBack.validData, VALID);

  const sparse = field(DataType.SparseFloatVector, { nullable: true });
  const two = packBytes([sparseRow([1, 1]), sparseRow([2, 2])]);
  const sparses = column({ vectors: { sparseFloatVector: { contents: two } }, validData: VALID }, sparse, 3);
  assert.deepEqual(sparses.kind === "bytes" && sparses.offsets, Int32Array.of(0, 8, 8, 16));
  assert.deepEqual(answered(sparses, sparse).vectors?.sparseFloatVector?.contents, two);

  const text = field(DataType.VarChar, { nullable: true });
  const texts = column(
    { scalars: { stringData: { data: packStrings(["a", "b"]) } }, validData: VALID },
    text,
    3,
  );
  const textsBack = answered(texts, text);
  assert.deepEqual(textsBack.scalars?.stringData && unpackStrings(textsBack.scalars.stringData.data), [
    "a",
    "",
    "b",
  ]);

  const array = field(DataType.Array, { nullable: true, elementType: DataType.Int64 });
  const rows = packBytes([
    arrayRow({ longData: { data: BigInt64Array.of(1n) } }),
    arrayRow({ longData: { data: BigInt64Array.of(2n) } }),
  ]);
  const lists = column({ scalars: { arrayData: { data: rows } }, validData: VALID }, array, 3);
  assert.deepEqual(lists.kind === "list" && lists.offsets, Int32Array.of(0, 1, 1, 2));
});

test("a field that is missing altogether is null in every row", () => {
  const none = new Uint8Array(2);
  for (const type of [
    DataType.Int8,
    DataType.VarChar,
    DataType.JSON,
    DataType.FloatVector,
    DataType.SparseFloatVector,
    DataType.Array,
  ]) {
    const schema = field(type, { nullable: true, dim: 4, elementType: DataType.Int64 });
    const value = column({ validData: none }, schema, 2);
    assert.equal(value.rows, 2);
    assert.deepEqual(value.validity, Uint8Array.of(0));
  }
});

test("rows without a value get the field's default", () => {
  const int = field(DataType.Int16, { defaultValue: { kind: "int", value: 5n } });
  const ints = column({ scalars: { intData: { data: Int32Array.of(1, 2) } }, validData: VALID }, int, 3);
  assert.ok(ints.kind === "fixed");
  assert.deepEqual(ints.values, Int16Array.of(1, 5, 2));
  assert.equal(ints.validity, undefined);
  const text = field(DataType.VarChar, { nullable: true, defaultValue: { kind: "string", value: "dé" } });
  const texts = column(
    { scalars: { stringData: { data: packStrings(["a", "b"]) } }, validData: VALID },
    text,
    3,
  );
  assert.ok(texts.kind === "bytes");
  assert.deepEqual(unpackStrings(texts), ["a", "dé", "b"]);
  assert.equal(texts.validity, undefined);
  const all = column(
    { validData: new Uint8Array(2) },
    field(DataType.Double, { defaultValue: { kind: "float", value: 0.5 } }),
    2,
  );
  assert.deepEqual(all.kind === "fixed" && all.values, Float64Array.of(0.5, 0.5));
});

function refused(data: Init<FieldData>, schema: FieldSchema, rows: number, message: string): void {
  assert.throws(
    () => column(data, schema, rows),
    (error) => {
      assert.ok(isRedkiteError(error, "parameterInvalid"), String(error));
      assert.equal(error.message, message);
      return true;
    },
  );
}

test("data that does not fit the schema is refused in Milvus's words", () => {
  refused(
    { scalars: { stringData: { data: packStrings(["a"]) } } },
    field(DataType.Int64),
    1,
    "field 'f' is illegal, array type mismatch: invalid parameter[expected=need long int array][actual=got nil]",
  );
  refused(
    {},
    field(DataType.VarChar),
    1,
    "varchar field 'f' is illegal, array type mismatch: invalid parameter[expected=need string array][actual=got nil]",
  );
  refused(
    {},
    field(DataType.FloatVector, { dim: 4 }),
    1,
    "float vector field 'f' is illegal, array type mismatch: invalid parameter[expected=need float vector][actual=got nil]",
  );
  refused(
    {},
    field(DataType.SparseFloatVector),
    1,
    "sparse float vector field 'f' is illegal, array type mismatch: invalid parameter[expected=need sparse float vector][actual=got nil]",
  );
  refused(
    {},
    field(DataType.Array, { elementType: DataType.Int64 }),
    1,
    "array field 'f' is illegal, array type mismatch: invalid parameter[expected=need Int64 array][actual=got nil]",
  );
  refused(
    { scalars: { longData: { data: BigInt64Array.of(1n) } } },
    field(DataType.Int64),
    2,
    "the num_rows (1) of field (f) is not equal to passed num_rows (2): invalid parameter[expected=2][actual=1]",
  );
  refused(
    { scalars: { longData: { data: BigInt64Array.of(1n) } }, validData: VALID },
    field(DataType.Int64, { nullable: true }),
    3,
    "the length of field is wrong: invalid parameter[expected=2][actual=1]",
  );
  refused(
    { scalars: { longData: { data: BigInt64Array.of(1n) } }, validData: VALID },
    field(DataType.Int64, { nullable: true }),
    2,
    "the length of valid_data of field(f) is wrong: invalid parameter[expected=2][actual=3]",
  );
  refused(
    { scalars: { longData: { data: BigInt64Array.of(1n) } }, validData: VALID },
    field(DataType.Int64),
    3,
    "the length of valid_data of field(f) is wrong: invalid parameter[expected=0][actual=3]",
  );
  refused(
    { scalars: { intData: { data: Int32Array.of(0, 200) } } },
    field(DataType.Int8),
    2,
    "the 1th element (200) out of range: [-128, 127]: invalid parameter[expected=integer doesn't overflow][actual=out of range]",
  );
  refused(
    { vectors: { dim: 4n, floatVector: { data: FLOATS } } },
    field(DataType.FloatVector, { dim: 4 }),
    1,
    "the length(6) of float data should divide the dim(4): invalid parameter",
  );
  refused(
    { vectors: { dim: 2n, floatVector: { data: FLOATS } } },
    field(DataType.FloatVector, { dim: 3 }),
    2,
    "the dim (2) of field data(f) is not equal to schema dim (3): invalid parameter[expected=3][actual=2]",
  );
  refused(
    { vectors: { dim: 3n, floatVector: { data: FLOATS } } },
    field(DataType.FloatVector, { dim: 3 }),
    3,
    "the num_rows (2) of field (f) is not equal to passed num_rows (3): invalid parameter[expected=3][actual=2]",
  );
  const wrong = packBytes([arrayRow({ boolData: { data: Uint8Array.of(1) } })]);
  const longs = field(DataType.Array, { elementType: DataType.Int64 });
  refused(
    { scalars: { arrayData: { data: wrong } } },
    longs,
    1,
    "insert data does not match: invalid parameter[expected=int64 array][actual=*schemapb.ScalarField_BoolData array]",
  );
  refused(
    { scalars: { arrayData: { data: packBytes([new Uint8Array(0)]) } } },
    longs,
    1,
    "insert data does not match: invalid parameter[expected=int64 array][actual=nil array]",
  );
});

test("types that are not stored are refused by name", () => {
  assert.throws(() => column({}, field(DataType.Text), 1), /data type Text \(field f\) is not served/);
});

test("times come and go as text, in the zone that is asked for", () => {
  const texts = packStrings(["2025-01-01T00:00:00Z", "2025-01-01 08:00:00"]);
  const times = column({ scalars: { stringData: { data: texts } } }, field(DataType.Timestamptz), 2);
  assert.deepEqual(
    times.kind === "fixed" && times.values,
    BigInt64Array.of(1735689600000000n, 1735689600000000n),
  );
  const back = answered(times, field(DataType.Timestamptz), { zone: "Asia/Tokyo", parts: [] });
  assert.equal(back.type, DataType.Timestamptz);
  assert.deepEqual(back.scalars?.stringData && unpackStrings(back.scalars.stringData.data), [
    "2025-01-01T09:00:00+09:00",
    "2025-01-01T09:00:00+09:00",
  ]);
});

test("times are answered in parts where parts are asked for", () => {
  const texts = packStrings(["2024-02-29T12:00:00Z"]);
  const nullable = field(DataType.Timestamptz, { nullable: true });
  const given = { scalars: { stringData: { data: texts } }, validData: Uint8Array.of(0, 1) };
  const back = answered(column(given, nullable, 2), nullable, { zone: "UTC", parts: ["year", "day"] });
  assert.equal(back.type, DataType.Array);
  const rows = back.scalars?.arrayData?.data ?? packBytes([]);
  const list = arrayRowsToList(packBytes([packedAt(rows, 1)]), DataType.Int64);
  assert.deepEqual(list.child.kind === "fixed" && list.child.values, BigInt64Array.of(2024n, 29n));
  assert.deepEqual([...back.validData], [0, 1]);
});

test("rows without a time get the field's default", () => {
  const given = { scalars: { stringData: { data: packStrings([]) } }, validData: Uint8Array.of(0) };
  const defaulted = field(DataType.Timestamptz, { defaultValue: { kind: "int", value: 7n } });
  const times = column(given, defaulted, 1);
  assert.deepEqual(times.kind === "fixed" && times.values, BigInt64Array.of(7n));
});

test("what is no time or no geometry is refused with its text", () => {
  refused(
    { scalars: { stringData: { data: packStrings(["soon"]) } } },
    field(DataType.Timestamptz),
    1,
    "got invalid timestamptz string 'soon': invalid timezone name; must be a valid IANA Time Zone ID (e.g., 'Asia/Shanghai' or 'UTC'): invalid parameter",
  );
  refused(
    { scalars: { longData: { data: BigInt64Array.of(1n) } } },
    field(DataType.Timestamptz),
    1,
    "timestamptz field data must be a string array: invalid parameter",
  );
  refused(
    { scalars: { geometryWktData: { data: packStrings(["POINT (1)"]) } } },
    field(DataType.Geometry),
    1,
    "invalid Geometry data, transform to wkb failed: syntax error at position 8: a point has 1 numbers where 2 are needed, at ')': invalid parameter",
  );
  refused(
    {},
    field(DataType.Geometry),
    1,
    "geometry field 'f' is illegal, array type mismatch: invalid parameter[expected=need geometry array][actual=got nil]",
  );
});

test("geometries come and go as text", () => {
  const nullable = field(DataType.Geometry, { nullable: true });
  const texts = packStrings(["point(1 2)"]);
  const given = { scalars: { geometryWktData: { data: texts } }, validData: Uint8Array.of(1, 0) };
  const back = answered(column(given, nullable, 2), nullable);
  assert.deepEqual(back.scalars?.geometryWktData && unpackStrings(back.scalars.geometryWktData.data), [
    "POINT (1 2)",
    "",
  ]);
});

test("slices of a longer column answer only their own rows", () => {
  const bytes = packStrings(["skipped", "a", "bc", "also skipped"]);
  const slice: Column = {
    kind: "bytes",
    type: DataType.VarChar,
    rows: 2,
    offsets: bytes.offsets.subarray(1, 4),
    bytes: bytes.bytes,
    validity: undefined,
  };
  const back = answered(slice, field(DataType.VarChar));
  assert.deepEqual(back.scalars?.stringData && unpackStrings(back.scalars.stringData.data), ["a", "bc"]);
  const list: Column = {
    kind: "list",
    type: DataType.Array,
    rows: 1,
    offsets: Int32Array.of(1, 3),
    child: { ...slice, rows: 4, offsets: bytes.offsets },
    validity: undefined,
  };
  const row = answered(list, field(DataType.Array, { elementType: DataType.VarChar })).scalars?.arrayData;
  assert.equal(row?.elementType, DataType.VarChar);
  const [only] = [decode("schema.ScalarField", row?.data.bytes ?? new Uint8Array(0))];
  assert.deepEqual(only?.stringData && unpackStrings(only.stringData.data), ["a", "bc"]);
});

test("a large request decodes into columns without losing a value", () => {
  const rows = 1_000;
  const dim = 32;
  const ids = BigInt64Array.from({ length: rows }, (_, i) => BigInt(i) * 7_000_000_007n);
  const vectors = Float32Array.from({ length: rows * dim }, (_, i) => Math.sin(i));
  const bytes = encode("milvus.InsertRequest", {
    collectionName: "c",
    numRows: rows,
    hashKeys: Uint32Array.from({ length: rows }, (_, i) => i * 4_000_000),
    fieldsData: [
      { type: DataType.Int64, fieldName: "f", scalars: { longData: { data: ids } } },
      {
        type: DataType.FloatVector,
        fieldName: "f",
        vectors: { dim: BigInt(dim), floatVector: { data: vectors } },
      },
    ],
  });
  const request = decode("milvus.InsertRequest", bytes);
  const [first, second] = request.fieldsData;
  assert.ok(first && second);
  const idColumn = decodeFieldData(first, field(DataType.Int64), rows, "UTC");
  const vectorColumn = decodeFieldData(second, field(DataType.FloatVector, { dim }), rows, "UTC");
  assert.deepEqual(idColumn.kind === "fixed" && idColumn.values, ids);
  assert.deepEqual(vectorColumn.kind === "fixed" && vectorColumn.values, vectors);
  assert.equal(request.hashKeys[999], 999 * 4_000_000);
});
