import type { ObjectType } from "./rpc-specs.ts";

/** Which database, collection and objects a request names, whatever its type: the field names are the same everywhere. */
export interface RequestTarget {
  /** Empty when it names none. */
  readonly database: string;
  /** The collection, the first of several, or empty. */
  readonly collection: string;
  /** Names of the objects that it touches; `*` when it names none. */
  objects(type: ObjectType): readonly string[];
}

export function requestTarget(request: object): RequestTarget {
  const fields = request as Readonly<Record<string, unknown>>;
  const named = collections(fields);
  return {
    database: text(fields["dbName"]),
    collection: named[0] ?? "",
    objects: (type) => {
      const names = type === "User" ? [text(fields["username"])].filter((name) => name !== "") : named;
      return names.length === 0 ? ["*"] : names;
    },
  };
}

function collections(fields: Readonly<Record<string, unknown>>): readonly string[] {
  const several = fields["collectionNames"] ?? fields["collectionName"];
  if (Array.isArray(several)) return several.filter((name): name is string => typeof name === "string");
  const one = text(several);
  return one === "" ? [] : [one];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
