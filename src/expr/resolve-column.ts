import { DataType, dataTypeName } from "../model/data-type.ts";
import { dynamicField, type CollectionSchema, type FieldSchema } from "../model/schema.ts";
import type { ColumnRef, PathStep } from "./ast.ts";
import { ExpressionError } from "./expression-error.ts";

/** Finds what names in an expression mean: a declared field, or a key of the dynamic field. */
export class ColumnResolver {
  readonly #fields: ReadonlyMap<string, FieldSchema>;
  readonly #dynamic: FieldSchema | undefined;

  constructor(schema: CollectionSchema) {
    this.#fields = new Map(schema.fields.map((field) => [field.name, field]));
    this.#dynamic = dynamicField(schema);
  }

  /** A bare name. */
  name(name: string): ColumnRef {
    const { field, steps } = this.#base(name);
    if (field.type === DataType.Text) {
      throw new ExpressionError(`filter on text field (${field.name}) is not supported yet`);
    }
    return columnRef(field, steps);
  }

  /** `name["key"][0]`: a path in a JSON field or the dynamic field, or one element of an Array field. */
  path(name: string, steps: readonly PathStep[]): ColumnRef {
    const { field, steps: leading } = this.#base(name);
    if (field.type !== DataType.JSON && field.type !== DataType.Array) {
      throw new ExpressionError(`${dataTypeName(field.type)} data type not supported accessed with []`);
    }
    if (field.type === DataType.Array) {
      if (steps.some((step) => step.kind === "key")) {
        throw new ExpressionError("can only access array field with integer index");
      }
      if (steps.length > 1)
        throw new ExpressionError(`field ${field.name} is an array of scalars, it takes one index`);
    }
    return columnRef(field, [...leading, ...steps]);
  }

  #base(name: string): { readonly field: FieldSchema; readonly steps: readonly PathStep[] } {
    const declared = this.#fields.get(name);
    if (declared !== undefined) return { field: declared, steps: [] };
    if (name.toLowerCase() === "null") {
      throw new ExpressionError(
        "NULL literal is not supported in expressions; use '<field> is null' or '<field> is not null' instead",
      );
    }
    if (this.#dynamic === undefined) throw new ExpressionError(`field ${name} not exist`);
    // `$meta` is the dynamic field whatever its field is called.
    return { field: this.#dynamic, steps: name === "$meta" ? [] : [{ kind: "key", text: name }] };
  }
}

function columnRef(field: FieldSchema, path: readonly PathStep[]): ColumnRef {
  return {
    fieldId: field.id,
    name: field.name,
    type: field.type,
    elementType: field.type === DataType.Array ? field.elementType : DataType.None,
    nullable: field.nullable,
    isPrimaryKey: field.isPrimaryKey,
    isPartitionKey: field.isPartitionKey,
    path,
  };
}
