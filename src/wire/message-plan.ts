import { AssertionError } from "../base/assert.ts";
import { definitionOf, resolveName, ROOT_PACKAGE, type FieldDefinition } from "./definitions.ts";
import { NO_PACKED_BYTES } from "./packed-bytes.ts";

/** How a value lies on the wire. Enums are Int32. */
export const Kind = {
  Double: 0,
  Float: 1,
  Int32: 2,
  Uint32: 3,
  Int64: 4,
  Uint64: 5,
  Bool: 6,
  String: 7,
  Bytes: 8,
  Message: 9,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/**
 * implicit: left out on the wire when zero. explicit: oneof members, `optional` and messages, undefined when absent.
 * list: an array of values. bulk: all values in one typed array (`bulkType`). map: a Map.
 */
export type Shape = "implicit" | "explicit" | "list" | "bulk" | "map";

export interface FieldPlan {
  readonly number: number;
  readonly name: string;
  /** Of the value, of one list entry, or of a map's values. */
  readonly kind: Kind;
  readonly shape: Shape;
  /** Wire type of one occurrence that is not packed. */
  readonly wireType: number;
  /** Kind of a map's keys. */
  readonly key: Kind;
  /** Full name of the message type, or "". */
  readonly typeName: string;
  /** Other members of the same oneof: a later one on the wire replaces them. */
  readonly siblings: readonly string[];
  readonly defaultValue: unknown;
  /** Resolved at first use: types refer to themselves. */
  message: MessagePlan | undefined;
}

/** What decoding and encoding need to know of one message type. */
export interface MessagePlan {
  readonly name: string;
  /** Ascending by number. */
  readonly fields: readonly FieldPlan[];
  readonly byNumber: readonly (FieldPlan | undefined)[];
  /** A message with nothing in it; copied for each one decoded, so that all have one hidden class. */
  readonly empty: Readonly<Record<string, unknown>>;
}

export const WireType = { Varint: 0, Fixed64: 1, Bytes: 2, StartGroup: 3, EndGroup: 4, Fixed32: 5 } as const;

export function wireTypeOf(kind: Kind): number {
  if (kind === Kind.Double) return WireType.Fixed64;
  if (kind === Kind.Float) return WireType.Fixed32;
  return kind >= Kind.String ? WireType.Bytes : WireType.Varint;
}

export function buildPlan(fullName: string): MessagePlan {
  const definition = definitionOf(fullName);
  if (definition?.fields === undefined) throw new AssertionError(`no protobuf message ${fullName}`);
  const oneofOf = new Map<string, readonly string[]>();
  for (const { oneof } of Object.values(definition.oneofs ?? {}))
    for (const name of oneof) oneofOf.set(name, oneof);

  const fields = Object.entries(definition.fields)
    .map(([name, field]) => buildField(fullName, name, field, oneofOf.get(name)))
    .sort((a, b) => a.number - b.number);
  const byNumber: (FieldPlan | undefined)[] = [];
  for (const field of fields) byNumber[field.number] = field;
  // Built at once: assigned one by one, many properties become a dictionary, which copies a hundred times slower.
  const empty = Object.fromEntries(fields.map((field) => [field.name, field.defaultValue]));
  return { name: fullName, fields, byNumber, empty };
}

function buildField(
  owner: string,
  name: string,
  field: FieldDefinition,
  oneof: readonly string[] | undefined,
): FieldPlan {
  const scalar = scalarKinds[field.type];
  const typeName = scalar === undefined ? resolveName(field.type, owner) : "";
  const isEnum = typeName !== "" && definitionOf(typeName)?.values !== undefined;
  // The bodies of array rows stay undecoded: field-data.ts reads them straight into one column.
  const raw = owner === ARRAY_ROWS && name === "data";
  const kind = scalar ?? (isEnum ? Kind.Int32 : raw ? Kind.Bytes : Kind.Message);
  const shape = shapeOf(owner, name, field, kind, oneof);
  return {
    number: field.id,
    name,
    kind,
    shape,
    wireType: shape === "map" ? WireType.Bytes : wireTypeOf(kind),
    key: field.keyType === undefined ? Kind.String : (scalarKinds[field.keyType] ?? Kind.String),
    typeName: kind === Kind.Message ? typeName : "",
    siblings: oneof?.filter((other) => other !== name) ?? [],
    defaultValue: defaultOf(shape, kind),
    message: undefined,
  };
}

const ARRAY_ROWS = `${ROOT_PACKAGE}.schema.ArrayArray`;
const BULK_PACKAGE = `${ROOT_PACKAGE}.schema.`;
/** Repeated numbers outside of the schema package that come one a row. */
const BULK_FIELDS = new Set(["hashKeys", "succIndex", "errIndex"]);
const BULK_STRINGS = new Set(
  [
    "StringArray",
    "BytesArray",
    "JSONArray",
    "GeometryArray",
    "GeometryWktArray",
    "MolArray",
    "MolSmilesArray",
    "ArrayArray",
    "SparseFloatArray",
  ].map((name) => BULK_PACKAGE + name),
);
const PLACEHOLDER = `${ROOT_PACKAGE}.common.PlaceholderValue`;
/** Small lists of the schema package that people read, not columns. */
const PLAIN_LISTS = new Set(["inputFieldIds", "outputFieldIds", "fileResourceIds"]);

/**
 * Whether a repeated field holds one value a row (or more), and therefore decodes to one typed array or to
 * PackedBytes. Exported for the generator of the message types.
 */
export function isBulk(owner: string, name: string, kind: Kind): boolean {
  if (kind === Kind.Message) return false;
  if (kind === Kind.String || kind === Kind.Bytes) {
    return BULK_STRINGS.has(owner) || (owner === PLACEHOLDER && name === "values");
  }
  return (owner.startsWith(BULK_PACKAGE) && !PLAIN_LISTS.has(name)) || BULK_FIELDS.has(name);
}

function shapeOf(
  owner: string,
  name: string,
  field: FieldDefinition,
  kind: Kind,
  oneof: readonly string[] | undefined,
): Shape {
  if (field.keyType !== undefined) return "map";
  if (field.rule === "repeated") return isBulk(owner, name, kind) ? "bulk" : "list";
  const knowsAbsence = oneof !== undefined || definitionOf(owner)?.edition === "proto2";
  return knowsAbsence || kind === Kind.Message ? "explicit" : "implicit";
}

const scalarKinds: Readonly<Record<string, Kind>> = {
  double: Kind.Double,
  float: Kind.Float,
  int32: Kind.Int32,
  uint32: Kind.Uint32,
  int64: Kind.Int64,
  uint64: Kind.Uint64,
  bool: Kind.Bool,
  string: Kind.String,
  bytes: Kind.Bytes,
};

const NO_BYTES = new Uint8Array(0);
const NO_ITEMS: readonly unknown[] = Object.freeze([]);
const NO_ENTRIES: ReadonlyMap<unknown, unknown> = new Map();

/** What a field that is not on the wire holds. */
export function defaultOf(shape: Shape, kind: Kind): unknown {
  if (shape === "list") return NO_ITEMS;
  if (shape === "map") return NO_ENTRIES;
  if (shape === "explicit") return undefined;
  if (shape === "bulk") return newBulk(kind, 0);
  switch (kind) {
    case Kind.String:
      return "";
    case Kind.Bytes:
      return NO_BYTES;
    case Kind.Bool:
      return false;
    case Kind.Int64:
    case Kind.Uint64:
      return 0n;
    default:
      return 0;
  }
}

export type BulkNumbers =
  Float64Array | Float32Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array | Uint8Array;

/** The typed array for `count` values of a kind; NO_PACKED_BYTES for strings and bytes. */
export function newBulk(kind: Kind, count: number): BulkNumbers | typeof NO_PACKED_BYTES {
  switch (kind) {
    case Kind.Double:
      return new Float64Array(count);
    case Kind.Float:
      return new Float32Array(count);
    case Kind.Int32:
      return new Int32Array(count);
    case Kind.Uint32:
      return new Uint32Array(count);
    case Kind.Int64:
      return new BigInt64Array(count);
    case Kind.Uint64:
      return new BigUint64Array(count);
    case Kind.Bool:
      return new Uint8Array(count);
    default:
      return NO_PACKED_BYTES;
  }
}
