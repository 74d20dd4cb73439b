import { Lru } from "../../base/lru.ts";
import type { Constant } from "../../expr/ast.ts";
import { compileFilter, type CompiledFilter } from "../../expr/compile-filter.ts";
import type { FilterSource, TemplateValue } from "../../model/read.ts";
import type { CollectionSchema } from "../../model/schema.ts";
import type { CollectionId } from "../../model/ids.ts";
import { UTC } from "../../model/timestamptz.ts";

const TEXT_MAX = 4096;

/** Compiled filters by collection, schema version, time zone and text; one with templates, or that says more than its text, is compiled each time. */
export class FilterCache {
  readonly #compiled: Lru<string, CompiledFilter>;
  /** Of the empty text, which is the same for every schema. */
  #everyRow: CompiledFilter | undefined;

  constructor(entriesMax: number) {
    this.#compiled = new Lru({ entriesMax });
  }

  get(collectionId: CollectionId, schema: CollectionSchema, source: FilterSource): CompiledFilter {
    // The time moves with every read, and the groups that lack members: caching would keep nothing that is asked for again.
    if (source.aliveAfter !== undefined || source.among !== undefined) return compile(schema, source);
    if (source.text === "") return (this.#everyRow ??= compile(schema, NO_FILTER));
    if (source.templates.length > 0 || source.text.length > TEXT_MAX) return compile(schema, source);
    const key = `${collectionId}/${schema.version}/${source.timeZone}/${source.text}`;
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const compiled = compile(schema, source);
    this.#compiled.set(key, compiled);
    return compiled;
  }
}

const NO_FILTER: FilterSource = { text: "", templates: [], timeZone: UTC };

function compile(schema: CollectionSchema, source: FilterSource): CompiledFilter {
  const templates = new Map(source.templates.map(({ name, value }) => [name, constantOf(value)]));
  return compileFilter(source.text, schema, {
    templates,
    timeZone: source.timeZone,
    ...(source.aliveAfter !== undefined && { aliveAfter: source.aliveAfter }),
    ...(source.among !== undefined && { among: source.among }),
  });
}

function constantOf(value: TemplateValue): Constant {
  switch (typeof value) {
    case "boolean":
      return { kind: "bool", value };
    case "bigint":
      return { kind: "int", value };
    case "number":
      return { kind: "float", value };
    case "string":
      return { kind: "string", value };
    default:
      return { kind: "array", items: value.map(constantOf) };
  }
}
