import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { keysOf } from "../../format/column-select.ts";
import type { Column, Keys } from "../../model/columns.ts";
import { DataType, dataTypeName } from "../../model/data-type.ts";
import type { FieldSchema } from "../../model/schema.ts";
import type { GrowableColumn } from "../../format/growable-column.ts";
import type { IndexFile } from "./index-file.ts";
import { Versions } from "./versions.ts";

/** Where a segment keeps a column: growing memory, or the fixed columns of a sealed file. */
export interface ColumnStore {
  readonly rows: number;
  readonly memoryBytes: number;
  /** The first `rows` rows, all by default. */
  view(rows?: number): Column;
}

/** What all handles of one segment share. */
export class SegmentCore {
  readonly fields: ReadonlyMap<number, FieldSchema>;
  readonly keyField: FieldSchema;
  readonly columns: ReadonlyMap<number, ColumnStore>;
  readonly versions: Versions;
  readonly indexes = new Map<number, IndexFile>();
  /** Present while rows may be appended. */
  readonly growing: GrowingPart | undefined;

  constructor(
    fields: readonly FieldSchema[],
    columns: ReadonlyMap<number, ColumnStore>,
    growing: GrowingPart | undefined,
  ) {
    this.keyField = findKeyField(fields);
    this.fields = new Map(fields.map((field) => [field.id, field]));
    this.columns = columns;
    this.versions = new Versions(this.keyField.type === DataType.Int64 ? "int64" : "varchar");
    this.growing = growing;
  }

  get rows(): number {
    return this.versions.rows;
  }

  get memoryBytes(): number {
    let bytes = this.versions.memoryBytes;
    for (const column of this.columns.values()) bytes += column.memoryBytes;
    return bytes;
  }

  field(fieldId: number): FieldSchema {
    const field = this.fields.get(fieldId);
    if (field === undefined) throw parameterInvalid(`the segment has no field ${fieldId}`);
    return field;
  }

  /** Rows that are complete; a column never shows more. */
  column(fieldId: number, rows = this.rows): Column {
    this.field(fieldId);
    const store = this.columns.get(fieldId);
    if (store === undefined) throw parameterInvalid(`the segment has no column of field ${fieldId}`);
    return store.view(rows);
  }

  keys(): Keys {
    return keysOf(this.column(this.keyField.id));
  }
}

export interface GrowingPart {
  readonly rowsMax: number;
  readonly columns: ReadonlyMap<number, GrowableColumn>;
}

function findKeyField(fields: readonly FieldSchema[]): FieldSchema {
  const field = fields.find((candidate) => candidate.isPrimaryKey);
  if (field === undefined) throw parameterInvalid("the segment has no primary-key field");
  if (field.type !== DataType.Int64 && field.type !== DataType.VarChar) {
    throw parameterInvalid(`type of primary key ${field.name}`, {
      expected: ["Int64", "VarChar"],
      actual: dataTypeName(field.type),
    });
  }
  return field;
}
