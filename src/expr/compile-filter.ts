import { notServed } from "../errors/service-errors.ts";
import { parameterInvalid } from "../errors/parameter-errors.ts";
import { type RedkiteError, withContext } from "../errors/redkite-error.ts";
import { DataType } from "../model/data-type.ts";
import type { AliveAfter, Among } from "../model/read.ts";
import { ColumnResolver } from "./resolve-column.ts";
import type { FilterProgram } from "../model/filter-program.ts";
import type { FieldId } from "../model/ids.ts";
import type { CollectionSchema } from "../model/schema.ts";
import { UTC } from "../model/timestamptz.ts";
import { columnsOf, isLeaf, TRUE, type Constant, type Predicate } from "./ast.ts";
import { ExpressionError } from "./expression-error.ts";
import { keyConstraint, partitionKeyValues, type KeyConstraint } from "./key-constraint.ts";
import { DEFAULT_LIMITS, type ExpressionLimits } from "./limits.ts";
import { lowerPredicate } from "./lower.ts";
import { parseExpression } from "./parser.ts";
import { quoteExpression } from "./quote-source.ts";
import { simplify } from "./simplify.ts";
import { typeCheck } from "./type-check.ts";

export interface CompileFilterOptions {
  /** Values of `{name}` placeholders (`expr_template_values`, pymilvus's `filter_params`). */
  readonly templates?: ReadonlyMap<string, Constant>;
  /** Zone of times (`ISO "..."`) that name none; UTC when left out. */
  readonly timeZone?: string;
  /** Ands that the row has not expired. */
  readonly aliveAfter?: AliveAfter;
  /** Ands that the row has one of some values. */
  readonly among?: Among;
  readonly limits?: ExpressionLimits;
}

/** A filter ready to plan and run. Depends on the schema it was compiled with, not on any segment. */
export interface CompiledFilter {
  /** Typed and simplified: true for exactly the rows that the expression is true for; where that is false, it may say unknown. */
  readonly ast: Predicate;
  readonly kind: "always-true" | "always-false" | "predicate";
  /** Without duplicates, ascending. */
  readonly usedFields: readonly FieldId[];
  /** Primary keys that every matching row has one of. */
  readonly keyConstraint: KeyConstraint | undefined;
  /** Partition-key values that every matching row has one of. */
  readonly partitionKeyValues: readonly Constant[] | undefined;
  readonly program: FilterProgram;
  /** What the program's EXTERNAL operations stand for, by index; `external-bitset.ts` computes them. */
  readonly externals: readonly Predicate[];
}

/**
 * Compiles a filter expression; an empty one matches every row. Throws RedkiteError: `parameterInvalid` in Milvus's words
 * (`cannot parse expression: ..., error: ...`), or `notServed` naming the function or operator.
 */
export function compileFilter(
  text: string,
  schema: CollectionSchema,
  options: CompileFilterOptions = {},
): CompiledFilter {
  const conditions = [checkFilter(text, schema, options)];
  if (options.aliveAfter !== undefined) conditions.push(isAlive(schema, options.aliveAfter));
  if (options.among !== undefined) conditions.push(isAmong(schema, options.among));
  const [checked = TRUE, ...more] = conditions;
  const ast = simplify(more.length === 0 ? checked : { kind: "and", children: conditions });
  const { program, externals } = lowerPredicate(ast);
  return {
    ast,
    kind: ast.kind !== "constant" ? "predicate" : ast.value ? "always-true" : "always-false",
    usedFields: usedFields(ast),
    keyConstraint: keyConstraint(ast),
    partitionKeyValues: partitionKeyValues(ast),
    program,
    externals,
  };
}

/** The typed filter as it was written, before simplification: for EXPLAIN and as the oracle in tests. Throws as `compileFilter`. */
export function checkFilter(
  text: string,
  schema: CollectionSchema,
  options: CompileFilterOptions = {},
): Predicate {
  const limits = options.limits ?? DEFAULT_LIMITS;
  const templates = options.templates ?? new Map<string, Constant>();
  try {
    checkTemplates(templates, limits);
    if (text.length <= limits.lengthMax && text.trim() === "") return TRUE;
    return typeCheck(parseExpression(text, limits), {
      text,
      schema,
      templates,
      timeZone: options.timeZone ?? UTC,
    });
  } catch (error) {
    if (error instanceof ExpressionError) throw filterError(text, error);
    throw error;
  }
}

function isAlive(schema: CollectionSchema, { field, micros }: AliveAfter): Predicate {
  const column = new ColumnResolver(schema).name(field);
  const later: Predicate = {
    kind: "compare",
    column: { ...column, type: DataType.Int64 },
    op: ">",
    value: { kind: "int", value: micros },
  };
  return { kind: "or", children: [{ kind: "is-null", column }, later] };
}

function isAmong(schema: CollectionSchema, { field, values, orNull, json }: Among): Predicate {
  const column = new ColumnResolver(schema).name(field);
  if (json !== undefined) {
    return {
      kind: "json-group",
      column: { ...column, path: json.path.map((text) => ({ kind: "key", text })) },
      type: json.type,
      values: new Set(values),
      orNone: orNull,
    };
  }
  const type = column.type === DataType.Timestamptz ? DataType.Int64 : column.type;
  const listed: Predicate = { kind: "in", column: { ...column, type }, values: values.map(scalarConstant) };
  return orNull ? { kind: "or", children: [{ kind: "is-null", column }, listed] } : listed;
}

function scalarConstant(value: boolean | bigint | string): Constant {
  switch (typeof value) {
    case "boolean":
      return { kind: "bool", value };
    case "bigint":
      return { kind: "int", value };
    default:
      return { kind: "string", value };
  }
}

function filterError(text: string, error: ExpressionError): RedkiteError {
  if (error.reason === "plan") return parameterInvalid(error.message);
  const context = `cannot parse expression: ${quoteExpression(text)}, error`;
  if (error.reason === "notServed") return withContext(notServed(error.message), context);
  return parameterInvalid(`${context}: ${error.message}`);
}

function checkTemplates(templates: ReadonlyMap<string, Constant>, limits: ExpressionLimits): void {
  let items = 0;
  const visit = (constant: Constant, depth: number): void => {
    if (constant.kind !== "array") return;
    items += constant.items.length;
    if (items > limits.listItemsMax || depth > limits.depthMax) {
      throw new ExpressionError(
        `the values of expression templates have more than ${limits.listItemsMax} elements, or are nested deeper than ` +
          `${limits.depthMax} levels`,
        "plan",
      );
    }
    for (const item of constant.items) visit(item, depth + 1);
  };
  for (const constant of templates.values()) visit(constant, 1);
}

function usedFields(predicate: Predicate): readonly FieldId[] {
  const fields = new Set<FieldId>();
  const visit = (p: Predicate): void => {
    if (p.kind === "constant") return;
    if (p.kind === "not") visit(p.child);
    else if (p.kind === "and" || p.kind === "or") p.children.forEach(visit);
    else if (isLeaf(p)) for (const column of columnsOf(p)) fields.add(column.fieldId);
  };
  visit(predicate);
  return [...fields].sort((a, b) => a - b);
}
