/**
 * A copy of plain data, for the simulated network: what contracts may carry (api/service-table.ts) and nothing else. A class, a
 * function or a shared buffer in a message is a mistake that only separate processes would show, so it throws here.
 */
export function copyPlain(value: unknown, of: string): unknown {
  switch (typeof value) {
    case "undefined":
    case "boolean":
    case "number":
    case "bigint":
    case "string":
      return value;
    case "object":
      return value === null ? null : copyObject(value, of);
    default:
      throw new TypeError(`${of} holds a ${typeof value}, which no channel carries`);
  }
}

function copyObject(value: object, of: string): object {
  if (Array.isArray(value)) return value.map((item) => copyPlain(item, of));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    const copy: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) copy[key] = copyPlain(item, of);
    return copy;
  }
  if (value instanceof Map)
    return new Map(Array.from(value, ([key, item]) => [copyPlain(key, of), copyPlain(item, of)] as const));
  if (value instanceof Set) return new Set(Array.from(value, (item) => copyPlain(item, of)));
  const type = TYPED.find((one) => value instanceof one);
  if (type === undefined)
    throw new TypeError(`${of} holds a ${value.constructor.name}, which no channel carries`);
  // Of its own memory: what is shared, or reused by the sender, does not reach the other side.
  const { buffer, byteOffset, byteLength } = value as Uint8Array;
  return new type(new Uint8Array(buffer, byteOffset, byteLength).slice().buffer);
}

const TYPED = [
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;
