import { configInvalid } from "../errors/parameter-errors.ts";
import { CONFIG_KEYS, isConfigKey, specOf, type ConfigKey, type ConfigValue } from "./keys.ts";
import type { Value } from "./key-spec.ts";
import { parseValue } from "./parse-value.ts";
import { checkRelations } from "./relations.ts";

/** Where a value came from. `name` is the file, the variable or the option. */
export interface Origin {
  readonly source: "default" | "file" | "env" | "set" | "option" | "runtime";
  readonly name: string;
}

export const DEFAULT_ORIGIN: Origin = { source: "default", name: "default" };

export interface ConfigEntry {
  readonly key: ConfigKey;
  readonly value: Value;
  readonly origin: Origin;
}

type Listener = (value: Value) => void;

/** The configuration of a process: every key of the table has a value that fits its type and bounds. */
export class Config {
  readonly #entries: Map<ConfigKey, { value: Value; origin: Origin }>;
  readonly #listeners = new Map<ConfigKey, Set<Listener>>();

  /** Keys that `given` lacks have their defaults. */
  constructor(given: Iterable<ConfigEntry> = []) {
    this.#entries = new Map(
      CONFIG_KEYS.map((key) => [key, { value: specOf(key).default, origin: DEFAULT_ORIGIN }]),
    );
    for (const { key, value, origin } of given) this.#entries.set(key, { value, origin });
    checkRelations((key) => this.get(key));
  }

  get<K extends ConfigKey>(key: K): ConfigValue<K> {
    // The table decides the type and parseValue has checked it; only the compiler cannot follow through the map.
    return this.#entries.get(key)?.value as ConfigValue<K>;
  }

  origin(key: ConfigKey): Origin {
    return this.#entries.get(key)?.origin ?? DEFAULT_ORIGIN;
  }

  /** All keys in the order of the table. */
  entries(): ConfigEntry[] {
    return CONFIG_KEYS.map((key) => ({ key, value: this.get(key), origin: this.origin(key) }));
  }

  /** What differs from the defaults, as plain data: another thread makes its `Config` from it. */
  changes(): ConfigEntry[] {
    return this.entries().filter((entry) => entry.origin.source !== "default");
  }

  /** Changes a reloadable key of the running process. Throws `configInvalid` for other keys and values. */
  update(name: string, raw: unknown): void {
    if (!isConfigKey(name))
      throw configInvalid(`${name} is not a configuration key of this version`, { key: name });
    const spec = specOf(name);
    if (spec.reloadable !== true)
      throw configInvalid(`${name} cannot change while the server runs`, { key: name });
    const parsed = parseValue(spec, raw);
    if (!parsed.ok) {
      throw configInvalid(`${name} cannot be ${JSON.stringify(raw)}: expected ${parsed.expected}`, {
        key: name,
      });
    }
    checkRelations((key) => (key === name ? (parsed.value as ConfigValue<typeof key>) : this.get(key)));
    this.#entries.set(name, {
      value: parsed.value,
      origin: { source: "runtime", name: "changed while running" },
    });
    for (const listener of this.#listeners.get(name) ?? []) listener(parsed.value);
  }

  /** Calls `listener` after each change of a reloadable key, until disposed. */
  watch<K extends ConfigKey>(key: K, listener: (value: ConfigValue<K>) => void): Disposable {
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners);
    const entry: Listener = (value) => listener(value as ConfigValue<K>);
    listeners.add(entry);
    return { [Symbol.dispose]: () => void listeners.delete(entry) };
  }
}

/** For people: `default`, `redkite.yaml`, `PROXY_PORT`, `--set`, `--port`. */
export function describeOrigin(origin: Origin): string {
  return origin.name;
}
