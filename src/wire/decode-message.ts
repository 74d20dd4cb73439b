import { concatBulk, decodeBulk, isBulkTag, type BulkValues } from "./decode-bulk.ts";
import { defaultOf, Kind, WireType, wireTypeOf, type FieldPlan, type MessagePlan } from "./message-plan.ts";
import { WireFormatError, type WireReader } from "./wire-reader.ts";

/** Messages may nest this deep; schema trees, templates and function chains need far less. */
export const DECODE_DEPTH_MAX = 100;
/**
 * Objects, strings and list entries that one message may decode to, columns not counted (they are one array each):
 * two bytes on the wire can become a hundred in memory.
 */
export const DECODE_VALUES_MAX = 1_000_000;

export interface DecodeContext {
  readonly planOf: (fullName: string) => MessagePlan;
  valuesLeft: number;
}

export type MessageFields = Record<string, unknown>;

/** Reads from the reader's position to its `end`. */
export function decodeMessage(
  reader: WireReader,
  plan: MessagePlan,
  context: DecodeContext,
  depth = 0,
): MessageFields {
  const message: MessageFields = { ...plan.empty };
  mergeMessage(reader, plan, context, depth, message);
  return message;
}

/** Reads on into a message that has values already: a singular message may come in parts. */
function mergeMessage(
  reader: WireReader,
  plan: MessagePlan,
  context: DecodeContext,
  depth: number,
  message: MessageFields,
): void {
  if (depth > DECODE_DEPTH_MAX) throw new WireFormatError(`messages nested deeper than ${DECODE_DEPTH_MAX}`);
  const end = reader.end;
  // One bit a bulk field: the first occurrence reads all of this body.
  let bulkRead = 0;
  while (reader.position < end) {
    const tag = reader.tag();
    const field = plan.byNumber[tag >>> 3];
    if (field === undefined) {
      reader.skip(tag);
    } else if (field.shape === "bulk") {
      if ((bulkRead & (1 << field.number)) !== 0 || !isBulkTag(field, tag)) {
        reader.skip(tag);
      } else {
        bulkRead |= 1 << field.number;
        readBulk(reader, field, tag, message);
      }
    } else if ((tag & 7) === field.wireType) {
      readField(reader, field, context, depth, message);
    } else if (field.shape === "list" && (tag & 7) === WireType.Bytes) {
      readPackedList(reader, field, context, message);
    } else {
      reader.skip(tag);
    }
  }
}

function readBulk(reader: WireReader, field: FieldPlan, tag: number, message: MessageFields): void {
  const before = message[field.name] as BulkValues;
  const values = decodeBulk(reader, field, tag);
  message[field.name] = before === field.defaultValue ? values : concatBulk(before, values);
}

function readField(
  reader: WireReader,
  field: FieldPlan,
  context: DecodeContext,
  depth: number,
  message: MessageFields,
): void {
  const { name } = field;
  switch (field.shape) {
    case "map": {
      countValue(context);
      if (message[name] === field.defaultValue) message[name] = new Map<unknown, unknown>();
      readEntry(reader, field, context, depth, message[name] as Map<unknown, unknown>);
      return;
    }
    case "list": {
      countValue(context);
      if (message[name] === field.defaultValue) message[name] = [];
      (message[name] as unknown[]).push(readValue(reader, field, context, depth));
      return;
    }
    default: {
      for (const sibling of field.siblings) message[sibling] = undefined;
      message[name] = readValue(reader, field, context, depth, message[name] as MessageFields | undefined);
    }
  }
}

/** A packed list of a few numbers, read one by one. */
function readPackedList(
  reader: WireReader,
  field: FieldPlan,
  context: DecodeContext,
  message: MessageFields,
): void {
  const end = reader.end;
  const length = reader.length();
  reader.end = reader.position + length;
  if (message[field.name] === field.defaultValue) message[field.name] = [];
  const list = message[field.name] as unknown[];
  while (reader.position < reader.end) {
    countValue(context);
    list.push(readValue(reader, field, context, 0));
  }
  reader.end = end;
}

function readEntry(
  reader: WireReader,
  field: FieldPlan,
  context: DecodeContext,
  depth: number,
  map: Map<unknown, unknown>,
): void {
  const end = reader.end;
  const length = reader.length();
  reader.end = reader.position + length;
  let key: unknown = field.key === Kind.String ? "" : 0n;
  let value: unknown = zeroOf(field, context);
  while (reader.position < reader.end) {
    const tag = reader.tag();
    if (tag >>> 3 === 1 && (tag & 7) === wireTypeOf(field.key))
      key = field.key === Kind.String ? reader.string() : reader.int64();
    else if (tag >>> 3 === 2 && (tag & 7) === wireTypeOf(field.kind))
      value = readValue(reader, field, context, depth);
    else reader.skip(tag);
  }
  reader.end = end;
  map.set(key, value);
}

/** What a map entry without a value holds. */
function zeroOf(field: FieldPlan, context: DecodeContext): unknown {
  if (field.kind === Kind.Message) return { ...planOf(field, context).empty };
  return defaultOf("implicit", field.kind);
}

function readValue(
  reader: WireReader,
  field: FieldPlan,
  context: DecodeContext,
  depth: number,
  before?: MessageFields,
): unknown {
  switch (field.kind) {
    case Kind.Double:
      return reader.double();
    case Kind.Float:
      return reader.float();
    case Kind.Int32:
      return reader.varint32();
    case Kind.Uint32:
      return reader.varint32() >>> 0;
    case Kind.Int64:
      return reader.int64();
    case Kind.Uint64:
      return reader.uint64();
    case Kind.Bool:
      return reader.bool();
    case Kind.String:
      return reader.string();
    case Kind.Bytes:
      return reader.view8();
    case Kind.Message: {
      countValue(context);
      const plan = planOf(field, context);
      const message = before ?? { ...plan.empty };
      const end = reader.end;
      const length = reader.length();
      reader.end = reader.position + length;
      mergeMessage(reader, plan, context, depth + 1, message);
      reader.end = end;
      return message;
    }
  }
}

function planOf(field: FieldPlan, context: DecodeContext): MessagePlan {
  return (field.message ??= context.planOf(field.typeName));
}

function countValue(context: DecodeContext): void {
  context.valuesLeft -= 1;
  if (context.valuesLeft < 0)
    throw new WireFormatError(`more than ${DECODE_VALUES_MAX} values in one message`);
}
