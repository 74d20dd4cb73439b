import { assertNever } from "../base/assert.ts";
import { formatTimestamptz, UTC } from "../model/timestamptz.ts";
import type { ColumnRef, Constant, Predicate } from "./ast.ts";

/**
 * The predicate as an expression that parses back to it, for EXPLAIN and the slow log. `itemsMax` bounds the elements shown of
 * each list; what is left out shows as a count, and then it no longer parses.
 */
export function printPredicate(predicate: Predicate, itemsMax = Infinity): string {
  return new Printer(itemsMax).predicate(predicate, Level.Or);
}

export function printColumn(column: ColumnRef): string {
  return (
    column.name +
    column.path.map(({ kind, text }) => (kind === "index" ? `[${text}]` : `[${quote(text)}]`)).join("")
  );
}

export function printConstant(constant: Constant): string {
  switch (constant.kind) {
    case "bool":
    case "int":
      return String(constant.value);
    case "float":
      return printFloat(constant.value);
    case "string":
      return quote(constant.value);
    case "array":
      return `[${constant.items.map(printConstant).join(", ")}]`;
  }
}

const Level = { Or: 0, And: 1, Tight: 2 } as const;

class Printer {
  readonly #itemsMax: number;

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
  }

  predicate(p: Predicate, level: number): string {
    switch (p.kind) {
      case "constant":
        return String(p.value);
      case "and":
      case "or": {
        const own = p.kind === "or" ? Level.Or : Level.And;
        const text = p.children.map((child) => this.predicate(child, own + 1)).join(` ${p.kind} `);
        return level > own ? `(${text})` : text;
      }
      case "not":
        return this.#not(p.child);
      case "compare":
        return `${printColumn(p.column)} ${p.op} ${printConstant(p.value)}`;
      case "range": {
        const [lowerOp, upperOp] = [p.lowerInclusive ? "<=" : "<", p.upperInclusive ? "<=" : "<"];
        return `${printConstant(p.lower)} ${lowerOp} ${printColumn(p.column)} ${upperOp} ${printConstant(p.upper)}`;
      }
      case "in":
        return `${printColumn(p.column)} in ${this.#list(p.values)}`;
      case "like":
        return `${printColumn(p.column)} like ${quote(p.pattern)}`;
      case "regex":
        return `${printColumn(p.column)} =~ ${quotePattern(p.pattern)}`;
      case "is-null":
        return `${printColumn(p.column)} is null`;
      case "arithmetic": {
        // The bit operators bind looser than comparisons.
        const left = `${printColumn(p.column)} ${p.arithmetic} ${printConstant(p.operand)}`;
        return `(${left}) ${p.op} ${printConstant(p.value)}`;
      }
      case "shifted-time": {
        const sign = p.months < 0 ? "-" : "+";
        const length = printDuration(Math.abs(p.months), p.months < 0 ? -p.micros : p.micros);
        return `${printColumn(p.column)} ${sign} INTERVAL "${length}" ${p.op} ISO "${formatTimestamptz(p.value, UTC)}"`;
      }
      case "array-length":
        return `array_length(${printColumn(p.column)}) ${p.op} ${p.value}`;
      case "compare-fields":
        return `${printColumn(p.left)} ${p.op} ${printColumn(p.right)}`;
      case "contains": {
        const name = p.column.elementType === 0 ? "json_contains" : "array_contains";
        const [only] = p.values;
        if (p.mode === "one" && only !== undefined)
          return `${name}(${printColumn(p.column)}, ${printConstant(only)})`;
        return `${name}_${p.mode}(${printColumn(p.column)}, ${this.#list(p.values)})`;
      }
      case "exists":
        return `exists ${printColumn(p.column)}`;
      case "json-group":
        return `${printColumn(p.column)} among ${this.#groups([...p.values], p.orNone)}`;
      default:
        return assertNever(p, "predicate");
    }
  }

  #not(child: Predicate): string {
    if (child.kind === "is-null") return `${printColumn(child.column)} is not null`;
    if (child.kind === "in") return `${printColumn(child.column)} not in ${this.#list(child.values)}`;
    return `not (${this.predicate(child, Level.Or)})`;
  }

  #groups(values: readonly (boolean | bigint | string)[], orNone: boolean): string {
    const all = values.map((value) => (typeof value === "string" ? quote(value) : String(value)));
    if (orNone) all.push("none");
    const more = all.length > this.#itemsMax ? [`... ${all.length - this.#itemsMax} more`] : [];
    return `[${[...all.slice(0, this.#itemsMax), ...more].join(", ")}]`;
  }

  #list(values: readonly Constant[]): string {
    const shown = values.slice(0, this.#itemsMax).map(printConstant);
    if (values.length > this.#itemsMax) shown.push(`... ${values.length - this.#itemsMax} more`);
    return `[${shown.join(", ")}]`;
  }
}

/** Both parts have one sign. */
function printDuration(months: number, micros: bigint): string {
  const seconds = micros / 1_000_000n;
  return seconds === 0n ? `P${months}M` : `P${months}MT${seconds}S`;
}

/** With a point or exponent, so that it does not parse back as an integer. */
function printFloat(value: number): string {
  if (Number.isNaN(value)) return "(1e308*10.0-1e308*10.0)";
  if (!Number.isFinite(value)) return value > 0 ? "(1e308*10.0)" : "(-1e308*10.0)";
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

const short: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\\": "\\\\",
  '"': '\\"',
};

/** Read back it means the same; a line break in it becomes the escape that stands for it. */
function quotePattern(pattern: string): string {
  return `"${pattern.replace(/["\\\n\r]/g, (c) => short[c] ?? c)}"`;
}

function quote(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is escaped here
  return `"${text.replace(/[\u0000-\u001f\u007f"\\]/g, (c) => short[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)}"`;
}
