import { parameterInvalid } from "../errors/parameter-errors.ts";
import { DataType } from "../model/data-type.ts";

/** Int8, Int16 and Int32 all travel as int32: the array of the type's own width. Throws when one does not fit. */
export function narrowIntegers(values: Int32Array, type: DataType): Int8Array | Int16Array | Int32Array {
  switch (type) {
    case DataType.Int8:
      checkRange(values, -128, 127);
      return Int8Array.from(values);
    case DataType.Int16:
      checkRange(values, -32_768, 32_767);
      return Int16Array.from(values);
    default:
      return values;
  }
}

function checkRange(values: Int32Array, lowest: number, highest: number): void {
  const at = values.findIndex((value) => value < lowest || value > highest);
  if (at < 0) return;
  throw parameterInvalid(`the ${at}th element (${values[at]}) out of range: [${lowest}, ${highest}]`, {
    expected: "integer doesn't overflow",
    actual: "out of range",
  });
}
