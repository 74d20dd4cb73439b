import { parameterInvalid } from "../errors/parameter-errors.ts";
import type { RedkiteError } from "../errors/redkite-error.ts";
import type { PackedBytes } from "./packed-bytes.ts";

const PAIR_BYTES = 8;
const INDEX_MAX = 0xffff_ffff;

/** Rows are pairs of (uint32 index, float32 value), indices strictly ascending, values finite and not negative. */
export function checkSparseRows(rows: PackedBytes): void {
  const { offsets, bytes } = rows;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let row = 0; row + 1 < offsets.length; row++) {
    const from = offsets[row] ?? 0;
    const to = offsets[row + 1] ?? 0;
    if ((to - from) % PAIR_BYTES !== 0) {
      throw parameterInvalid(`invalid data length in sparse float vector: ${to - from}`);
    }
    checkPairs(view, from, to);
  }
}

function checkPairs(view: DataView, from: number, to: number): void {
  let previous = -1;
  for (let at = from; at < to; at += PAIR_BYTES) {
    const index = view.getUint32(at, true);
    const value = view.getFloat32(at + 4, true);
    if (index === INDEX_MAX) {
      throw parameterInvalid("invalid index in sparse float vector: must be less than 2^32-1");
    }
    if (index <= previous) throw parameterInvalid("unsorted or same indices in sparse float vector");
    if (!Number.isFinite(value)) throw notANumber(value);
    if (value < 0) throw parameterInvalid("negative value in sparse float vector");
    previous = index;
  }
}

export function notANumber(value: number): RedkiteError {
  const printed = Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  return parameterInvalid(`value '${printed}' is not a number or infinity`);
}
