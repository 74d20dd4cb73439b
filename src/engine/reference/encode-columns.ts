import { bitsetBytes, newBitset, setBit } from "../../base/bitset.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { columnBytes } from "../../format/column-buffers.ts";
import type { Column } from "../../model/columns.ts";
import { DataType } from "../../model/data-type.ts";
import type { ColumnPlacement, ColumnSizes, NativeBuffer } from "../../ports/engine.ts";

/** Sizes in memory: Bool values are a byte each here, whatever a layout makes of them. */
export function sizesOf(column: Column): ColumnSizes {
  const { validity, offsets, childOffsets, childRows, values } = columnBytes(column);
  return {
    validity: validity?.length ?? 0,
    offsets: offsets?.length ?? 0,
    childOffsets: childOffsets?.length ?? 0,
    childRows,
    values: values.length,
  };
}

/** Copies the buffers of a column to their places. Throws parameterInvalid where one has no place or no room. */
export function encodeColumn(column: Column, target: NativeBuffer, placement: ColumnPlacement): void {
  const { validity, offsets, childOffsets, values } = columnBytes(column);
  const copy = (bytes: Uint8Array | undefined, offset: number | undefined, what: string) => {
    if (bytes === undefined) return;
    const name = `${what} of field ${placement.fieldId}`;
    if (offset === undefined) throw parameterInvalid(`${name} have no place in the layout`);
    copyInto(target, offset, bytes, name);
  };
  // A layout made when there were nulls elsewhere may have room for a validity that the column does not need.
  const bits = validity ?? (placement.validity === undefined ? undefined : newBitset(column.rows, 1));
  copy(bits, placement.validity, "validity");
  copy(offsets, placement.offsets, "offsets");
  copy(childOffsets, placement.childOffsets, "child offsets");
  copy(placement.boolBitmap ? packBits(column, values, placement) : values, placement.values, "values");
}

export function copyInto(target: NativeBuffer, offset: number, bytes: Uint8Array, what: string): void {
  if (!Number.isInteger(offset) || offset < 0 || offset + bytes.length > target.byteLength) {
    throw parameterInvalid(
      `${what}: ${bytes.length} bytes at ${offset} do not fit in a buffer of ${target.byteLength}`,
    );
  }
  target.bytes.set(bytes, offset);
}

function packBits(column: Column, values: Uint8Array, placement: ColumnPlacement): Uint8Array {
  const type = column.kind === "list" ? column.child.type : column.type;
  if (type !== DataType.Bool) throw parameterInvalid(`field ${placement.fieldId} does not hold Bool values`);
  const bits = new Uint8Array(bitsetBytes(values.length));
  values.forEach((value, i) => value === 1 && setBit(bits, i));
  return bits;
}
