/** What the table of configuration keys says about one key. */
export type KeySpec = NumberSpec | QuantitySpec | BoolSpec | StringSpec | EnumSpec;

interface CommonSpec {
  /** Whole sentences for the generated documentation: what it does, and what the extremes mean. */
  readonly doc: string;
  /** True: a running server follows a change. */
  readonly reloadable?: true;
  /** Environment variables besides the one derived from the name. */
  readonly env?: readonly string[];
  /**
   * The key asks for protection, durability or another place for data that this version does not give: any value but the
   * default (and `alsoAccepted`) refuses the start with this sentence.
   */
  readonly refusal?: string;
  readonly alsoAccepted?: readonly (string | number | boolean)[];
}

export interface NumberSpec extends CommonSpec {
  readonly type: "int" | "float";
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** For the documentation, where the number counts something. */
  readonly unit?: string;
}

/** A number in `unit`; texts may carry a unit of their own (`5s`, `200ms`; `64MB`, `32Gi`). */
export interface QuantitySpec extends CommonSpec {
  readonly type: "duration" | "bytes";
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: "ms" | "s" | "h" | "B" | "MB";
}

export interface BoolSpec extends CommonSpec {
  readonly type: "bool";
  readonly default: boolean;
}

export interface StringSpec extends CommonSpec {
  readonly type: "string";
  readonly default: string;
}

export interface EnumSpec extends CommonSpec {
  readonly type: "enum";
  readonly default: string;
  readonly values: readonly string[];
}

/** What `Config.get` returns for a key of this spec. */
export type ValueOf<S> = S extends { readonly type: "bool" }
  ? boolean
  : S extends { readonly type: "enum"; readonly values: readonly (infer V)[] }
    ? V
    : S extends { readonly type: "string" }
      ? string
      : number;

export type Value = string | number | boolean;
