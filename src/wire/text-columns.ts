import { parameterInvalid } from "../errors/parameter-errors.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import { DataType } from "../model/data-type.ts";
import { isValid, type BytesColumn, type FixedColumn } from "../model/columns.ts";
import { formatTimestamptz, parseTimestamptz, timeParts, type TimePart } from "../model/timestamptz.ts";
import type { Init } from "./codec.ts";
import { encode } from "./codec.ts";
import type { ScalarField } from "./messages.gen.ts";
import {
  packBytes,
  packedAt,
  packedCount,
  packStrings,
  type PackedBytes,
  unpackStrings,
} from "./packed-bytes.ts";
import { geometryFromText, geometryText, GeometryTextError } from "./well-known-text.ts";

/** Types whose values clients write and read as text and columns hold as something else. */

/** How times are written in an answer. */
export interface TimeFormat {
  /** Zone of the texts, or of the parts. */
  readonly zone: string;
  /** Times as arrays of these, instead of as text; empty for text. */
  readonly parts: readonly TimePart[];
}

/** Times that name no zone are in `zone`. Throws parameterInvalid in Milvus's words. */
export function timesFromTexts(texts: PackedBytes, zone: string): BigInt64Array {
  return BigInt64Array.from(unpackStrings(texts), (text) => {
    try {
      return parseTimestamptz(text, zone);
    } catch (error) {
      if (!isRedkiteError(error, "parameterInvalid")) throw error;
      throw parameterInvalid(
        `got invalid timestamptz string '${text}': invalid timezone name; must be a valid IANA Time Zone ID (e.g., 'Asia/Shanghai' or 'UTC')`,
      );
    }
  });
}

/** Rows without a value are empty texts, or arrays of nothing. */
export function timesMessage(column: FixedColumn, { zone, parts }: TimeFormat): Init<ScalarField> {
  const rows = Array.from({ length: column.rows }, (_, row) =>
    isValid(column.validity, row) ? BigInt(column.values[row] ?? 0) : undefined,
  );
  if (parts.length === 0) {
    const texts = rows.map((time) => (time === undefined ? "" : formatTimestamptz(time, zone)));
    return { stringData: { data: packStrings(texts) } };
  }
  const arrays = rows.map((time) => {
    const all = time === undefined ? undefined : timeParts(time, zone);
    const data = BigInt64Array.from(all === undefined ? [] : parts.map((part) => BigInt(all[part])));
    return encode("schema.ScalarField", { longData: { data } });
  });
  return { arrayData: { data: packBytes(arrays), elementType: DataType.Int64 } };
}

/** Throws parameterInvalid in Milvus's words. */
export function geometriesFromTexts(texts: PackedBytes): PackedBytes {
  return packBytes(
    unpackStrings(texts).map((text) => {
      try {
        return geometryFromText(text);
      } catch (error) {
        if (!(error instanceof GeometryTextError)) throw error;
        throw parameterInvalid(`invalid Geometry data, transform to wkb failed: ${error.message}`);
      }
    }),
  );
}

/** Rows without a value are empty texts. */
export function geometriesMessage(column: BytesColumn): Init<ScalarField> {
  const packed = { offsets: column.offsets, bytes: column.bytes };
  const texts = Array.from({ length: packedCount(packed) }, (_, row) =>
    isValid(column.validity, row) ? geometryText(packedAt(packed, row)) : "",
  );
  return { geometryWktData: { data: packStrings(texts) } };
}
