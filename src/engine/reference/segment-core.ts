import { assert } from "../../base/assert.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { missingColumn } from "../../format/column-fill.ts";
import { keysOf, sliceColumn } from "../../format/column-select.ts";
import { GrowableColumn } from "../../format/growable-column.ts";
import type { Column, Keys } from "../../model/columns.ts";
import { DataType, dataTypeName } from "../../model/data-type.ts";
import type { FieldSchema } from "../../model/schema.ts";
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
  readonly versions: Versions;
  readonly indexes = new Map<number, IndexFile>();
  /** Rows it will ever hold; undefined for a sealed segment, which takes none. */
  readonly rowsMax: number | undefined;
  readonly #fields: Map<number, FieldSchema>;
  readonly #columns: Map<number, ColumnStore>;

  constructor(
    fields: readonly FieldSchema[],
    columns: ReadonlyMap<number, ColumnStore>,
    rowsMax: number | undefined,
  ) {
    this.keyField = findKeyField(fields);
    this.#fields = new Map(fields.map((field) => [field.id, field]));
    this.fields = this.#fields;
    this.#columns = new Map(columns);
    this.versions = new Versions(this.keyField.type === DataType.Int64 ? "int64" : "varchar");
    this.rowsMax = rowsMax;
  }

  get rows(): number {
    return this.versions.rows;
  }

  get memoryBytes(): number {
    let bytes = this.versions.memoryBytes;
    for (const column of this.#columns.values()) bytes += column.memoryBytes;
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
    const store = this.#columns.get(fieldId);
    if (store === undefined) throw parameterInvalid(`the segment has no column of field ${fieldId}`);
    return store.view(rows);
  }

  /** Takes complete columns of every field, in the order of `fields`, all with as many rows as `begins`. */
  append(columns: readonly Column[], begins: BigUint64Array): void {
    let keys: Keys | undefined;
    [...this.fields.keys()].forEach((fieldId, i) => {
      const store = this.#columns.get(fieldId);
      const column = columns[i];
      assert(store instanceof GrowableColumn && column !== undefined, `field ${fieldId} cannot grow`);
      store.append(column);
      if (fieldId === this.keyField.id) keys = keysOf(column);
    });
    assert(keys !== undefined, "the key field is one of the fields");
    // Last: rows that have no version yet are not there for any reader.
    this.versions.append(keys, begins);
  }

  /** Rows until now read as the field's default, or null. A growing segment stores values from now on. */
  addMissing(field: FieldSchema): void {
    const known = this.#fields.get(field.id);
    if (known !== undefined) {
      if (known.type === field.type && known.elementType === field.elementType && known.dim === field.dim)
        return;
      throw parameterInvalid(
        `field ${field.id} is ${dataTypeName(known.type)}, not ${dataTypeName(field.type)}`,
      );
    }
    const missing = missingColumn(field, this.rows);
    if (this.rowsMax === undefined) {
      this.#columns.set(field.id, new SealedColumn(missing));
    } else {
      const column = new GrowableColumn(field);
      column.append(missing);
      this.#columns.set(field.id, column);
    }
    this.#fields.set(field.id, field);
  }

  keys(): Keys {
    return keysOf(this.column(this.keyField.id));
  }
}

/** A column that never changes. */
export class SealedColumn implements ColumnStore {
  readonly rows: number;
  /** Mapped memory is not counted. */
  readonly memoryBytes = 0;
  readonly #column: Column;

  constructor(column: Column) {
    this.rows = column.rows;
    this.#column = column;
  }

  view(rows = this.rows): Column {
    return rows === this.rows ? this.#column : sliceColumn(this.#column, 0, rows);
  }
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
