import { RedkiteError } from "../errors/redkite-error.ts";
import { ROOT_PACKAGE } from "./definitions.ts";
import { DECODE_VALUES_MAX, decodeMessage } from "./decode-message.ts";
import { encodeMessage } from "./encode-message.ts";
import { buildPlan, type MessagePlan } from "./message-plan.ts";
import type { MessageTypes } from "./messages.gen.ts";
import { WireFormatError, WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

/** Full name of a message below milvus.proto, for example `milvus.SearchRequest` or `schema.FieldData`. */
export type MessageName = keyof MessageTypes;

/** A message to encode: fields left out are zeros or absent. */
export type Init<T> = T extends Leaf
  ? T
  : T extends ReadonlyMap<infer K, infer V>
    ? ReadonlyMap<K, Init<V>>
    : T extends readonly (infer E)[]
      ? readonly Init<E>[]
      : T extends object
        ? { readonly [K in keyof T]?: Init<T[K]> | undefined }
        : T;

type Leaf = ArrayBufferView | string | number | bigint | boolean | undefined | PackedLeaf;
type PackedLeaf = { readonly offsets: Int32Array; readonly bytes: Uint8Array };

/**
 * Reads a message. Every field is there: zeros, empty lists, or undefined where the wire knows absence. Byte fields
 * and float columns may be views of `bytes`. Throws parameterInvalid for anything that is not such a message.
 */
export function decode<Name extends MessageName>(name: Name, bytes: Uint8Array): MessageTypes[Name] {
  try {
    const context = { planOf, valuesLeft: DECODE_VALUES_MAX };
    return decodeMessage(new WireReader(bytes), planOfName(name), context) as unknown as MessageTypes[Name];
  } catch (error) {
    if (!(error instanceof WireFormatError)) throw error;
    throw new RedkiteError(
      "parameterInvalid",
      `cannot read the bytes of a ${name}: ${error.message}: invalid parameter`,
      {
        cause: error,
      },
    );
  }
}

/** The message's bytes, behind `headroom` bytes of zeros that the caller may fill (a frame header). */
export function encode<Name extends MessageName>(
  name: Name,
  message: Init<MessageTypes[Name]>,
  headroom = 0,
): Uint8Array {
  const writer = new WireWriter();
  encodeMessage(writer, planOfName(name), { planOf }, message as Readonly<Record<string, unknown>>);
  return writer.finish(headroom);
}

/** Plans are derived from constant definitions, so that one table per thread can be shared by all. */
const plans = new Map<string, MessagePlan>();
const plansByName = new Map<MessageName, MessagePlan>();

function planOfName(name: MessageName): MessagePlan {
  let plan = plansByName.get(name);
  if (plan === undefined) {
    plan = planOf(`${ROOT_PACKAGE}.${name}`);
    plansByName.set(name, plan);
  }
  return plan;
}

export function planOf(fullName: string): MessagePlan {
  let plan = plans.get(fullName);
  if (plan === undefined) {
    plan = buildPlan(fullName);
    plans.set(fullName, plan);
  }
  return plan;
}
