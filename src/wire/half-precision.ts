import { DataType } from "../model/data-type.ts";

/** Single-precision values as the bytes of a Float16 or BFloat16 vector, each rounded to the nearest, ties to even. */
export function roundedBytes(
  type: typeof DataType.Float16Vector | typeof DataType.BFloat16Vector,
  values: Float32Array,
): Uint8Array {
  return type === DataType.Float16Vector
    ? new Uint8Array(Float16Array.from(values).buffer)
    : toBFloat16(values);
}

/** The upper half of each float. Infinity and NaN stay what they are. */
function toBFloat16(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = Uint16Array.from(
    bits,
    (b) => ((b & 0x7f80_0000) === 0x7f80_0000 ? b : b + 0x7fff + ((b >>> 16) & 1)) >>> 16,
  );
  return new Uint8Array(out.buffer);
}
