import type { DecodeContext, MessageFields } from "./decode-message.ts";
import {
  Kind,
  WireType,
  wireTypeOf,
  type BulkNumbers,
  type FieldPlan,
  type MessagePlan,
} from "./message-plan.ts";
import type { PackedBytes } from "./packed-bytes.ts";
import type { WireWriter } from "./wire-writer.ts";

export type EncodeContext = Pick<DecodeContext, "planOf">;

/** Writes a message's fields, last first. Absent fields, and zeros without presence, are left out. */
export function encodeMessage(
  writer: WireWriter,
  plan: MessagePlan,
  context: EncodeContext,
  message: Readonly<MessageFields>,
): void {
  const { fields } = plan;
  for (let i = fields.length - 1; i >= 0; i--) {
    const field = fields[i] as FieldPlan;
    const value = message[field.name];
    if (value === undefined || value === null) continue;
    switch (field.shape) {
      case "implicit":
        if (isZero(field.kind, value)) break;
        writeValue(writer, field, context, value);
        writer.varint32((field.number << 3) | field.wireType);
        break;
      case "explicit":
        writeValue(writer, field, context, value);
        writer.varint32((field.number << 3) | field.wireType);
        break;
      case "list":
        writeList(writer, field, context, value as readonly unknown[]);
        break;
      case "bulk":
        writeBulk(writer, field, value as BulkNumbers | PackedBytes);
        break;
      case "map":
        writeMap(writer, field, context, value as ReadonlyMap<unknown, unknown>);
        break;
    }
  }
}

function isZero(kind: Kind, value: unknown): boolean {
  if (kind === Kind.String || kind === Kind.Bytes) return (value as string | Uint8Array).length === 0;
  if (kind === Kind.Int64 || kind === Kind.Uint64) return value === 0n;
  // -0 is a value of its own for floats.
  return value === false || Object.is(value, 0);
}

function writeValue(writer: WireWriter, field: FieldPlan, context: EncodeContext, value: unknown): void {
  switch (field.kind) {
    case Kind.Double:
      return writer.double(value as number);
    case Kind.Float:
      return writer.float(value as number);
    case Kind.Int32:
      return writer.int32(value as number);
    case Kind.Uint32:
      return writer.varint32(value as number);
    case Kind.Int64:
    case Kind.Uint64:
      return writer.int64(value as bigint);
    case Kind.Bool:
      return writer.varint32(value === true ? 1 : 0);
    case Kind.String:
      return writer.string(value as string);
    case Kind.Bytes:
      return writer.delimited(value as Uint8Array);
    case Kind.Message: {
      const before = writer.written;
      const plan = (field.message ??= context.planOf(field.typeName));
      encodeMessage(writer, plan, context, value as MessageFields);
      return writer.varint32(writer.written - before);
    }
  }
}

function writeList(
  writer: WireWriter,
  field: FieldPlan,
  context: EncodeContext,
  list: readonly unknown[],
): void {
  if (list.length === 0) return;
  const packed = field.wireType !== WireType.Bytes;
  const before = writer.written;
  for (let i = list.length - 1; i >= 0; i--) {
    writeValue(writer, field, context, list[i]);
    if (!packed) writer.varint32((field.number << 3) | WireType.Bytes);
  }
  if (packed) finishPacked(writer, field, before);
}

function writeMap(
  writer: WireWriter,
  field: FieldPlan,
  context: EncodeContext,
  map: ReadonlyMap<unknown, unknown>,
): void {
  for (const [key, value] of [...map].reverse()) {
    const before = writer.written;
    writeValue(writer, field, context, value);
    writer.varint32((2 << 3) | wireTypeOf(field.kind));
    if (field.key === Kind.String) writer.string(key as string);
    else writer.int64(key as bigint);
    writer.varint32((1 << 3) | wireTypeOf(field.key));
    writer.varint32(writer.written - before);
    writer.varint32((field.number << 3) | WireType.Bytes);
  }
}

function writeBulk(writer: WireWriter, field: FieldPlan, values: BulkNumbers | PackedBytes): void {
  if (!ArrayBuffer.isView(values)) {
    writePackedBytes(writer, field, values);
    return;
  }
  if (values.length === 0) return;
  const before = writer.written;
  if (values instanceof Float32Array || values instanceof Float64Array) {
    writer.raw(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  } else if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    const words = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
    for (let i = words.length - 2; i >= 0; i -= 2)
      writer.varint64(words[i] as number, words[i + 1] as number);
  } else {
    for (let i = values.length - 1; i >= 0; i--) writer.int32(values[i] as number);
  }
  finishPacked(writer, field, before);
}

function writePackedBytes(writer: WireWriter, field: FieldPlan, packed: PackedBytes): void {
  const { offsets, bytes } = packed;
  for (let i = offsets.length - 2; i >= 0; i--) {
    writer.delimited(bytes.subarray(offsets[i], offsets[i + 1]));
    writer.varint32((field.number << 3) | WireType.Bytes);
  }
}

function finishPacked(writer: WireWriter, field: FieldPlan, before: number): void {
  writer.varint32(writer.written - before);
  writer.varint32((field.number << 3) | WireType.Bytes);
}
