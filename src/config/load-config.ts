import { configInvalid } from "../errors/parameter-errors.ts";
import { Config, type ConfigEntry, type Origin } from "./config.ts";
import type { Value } from "./key-spec.ts";
import { CONFIG_KEYS, specOf, type ConfigKey } from "./keys.ts";
import { MILVUS_KEYS, MILVUS_OPEN_SECTIONS } from "./milvus-keys.gen.ts";
import { nearestName } from "./nearest-name.ts";
import { parseValue } from "./parse-value.ts";

/** Everything that may set a key; later members win over earlier ones. */
export interface ConfigSources {
  /** A configuration file, already read and flattened (yaml-source.ts). */
  readonly file?: { readonly name: string; readonly values: ReadonlyMap<string, unknown> };
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `key=value` of each `--set`. */
  readonly sets?: readonly string[];
  /** Options of their own, for example `{ option: "--port", key: "proxy.port", value: "19531" }`. */
  readonly options?: readonly DedicatedOption[];
}

export interface DedicatedOption {
  readonly option: string;
  readonly key: ConfigKey;
  readonly value: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** One sentence for each setting that is accepted but does nothing. */
  readonly notices: readonly string[];
}

/** Throws `configInvalid` with one sentence that names the key, the value, where it came from and what would be right. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const entries = new Map<ConfigKey, ConfigEntry>();
  const notices: string[] = [];
  for (const setting of settings(sources, notices)) {
    const key = resolveName(setting.name);
    if (key === undefined) throw unknownKey(setting);
    if (typeof key === "object") {
      notices.push(`${key.milvusOnly} (${setting.origin.name}) has no effect in this version`);
      continue;
    }
    // An empty value in yaml means "not set".
    if (setting.raw === null || setting.raw === undefined) continue;
    const value = checkedValue(key, setting);
    entries.set(key, { key, value, origin: setting.origin });
  }
  return { config: new Config(entries.values()), notices };
}

interface Setting {
  readonly name: string;
  readonly raw: unknown;
  readonly origin: Origin;
}

function* settings(sources: ConfigSources, notices: string[]): IterableIterator<Setting> {
  const { file, env = {}, sets = [], options = [] } = sources;
  if (file !== undefined) {
    for (const [name, raw] of file.values) yield { name, raw, origin: { source: "file", name: file.name } };
  }
  yield* environmentSettings(env, notices);
  for (const text of sets) {
    const equals = text.indexOf("=");
    if (equals <= 0)
      throw configInvalid(`--set ${text}: expected key=value, for example --set proxy.port=19531`);
    yield {
      name: text.slice(0, equals).trim(),
      raw: text.slice(equals + 1).trim(),
      origin: { source: "set", name: "--set" },
    };
  }
  for (const { option, key, value } of options) {
    yield { name: key, raw: value, origin: { source: "option", name: option } };
  }
}

/**
 * `PROXY_PORT` and, winning over it, `MILVUS_PROXY_PORT` for `proxy.port`. Variables that belong to no key are others' business.
 */
function* environmentSettings(
  env: ConfigSources["env"] & object,
  notices: string[],
): IterableIterator<Setting> {
  const names = environmentNames();
  const prefixed: Setting[] = [];
  for (const [variable, raw] of Object.entries(env)) {
    if (raw === undefined || raw === "") continue;
    const bare = variable.startsWith("MILVUS_") ? variable.slice("MILVUS_".length) : variable;
    const name = names.get(bare);
    if (name === undefined) continue;
    if (bare === variable && raw.startsWith("tcp://")) {
      // Kubernetes sets PROXY_PORT=tcp://10.0.0.7:19530 in every pod beside a service called "proxy".
      notices.push(`${variable} looks like a Kubernetes service link (${raw}) and was not taken as ${name}`);
      continue;
    }
    const setting: Setting = { name, raw, origin: { source: "env", name: variable } };
    if (bare === variable) yield setting;
    else prefixed.push(setting);
  }
  yield* prefixed;
}

/** `dataCoord.segment.maxSize` -> `DATACOORD_SEGMENT_MAXSIZE`. */
export function environmentName(key: string): string {
  return key.replaceAll(".", "_").toUpperCase();
}

function environmentNames(): Map<string, string> {
  const names = new Map(MILVUS_KEYS.map((key) => [environmentName(key), key]));
  for (const key of CONFIG_KEYS) {
    names.set(environmentName(key), key);
    for (const other of specOf(key).env ?? []) names.set(other, key);
  }
  return names;
}

let byLowerCase: Map<string, ConfigKey | { readonly milvusOnly: string }> | undefined;

/** As in Milvus, upper and lower case do not matter. */
function resolveName(name: string): ConfigKey | { readonly milvusOnly: string } | undefined {
  if (byLowerCase === undefined) {
    byLowerCase = new Map(MILVUS_KEYS.map((key) => [key.toLowerCase(), { milvusOnly: key }]));
    for (const key of CONFIG_KEYS) byLowerCase.set(key.toLowerCase(), key);
  }
  const found = byLowerCase.get(name.toLowerCase());
  if (found !== undefined) return found;
  const open = MILVUS_OPEN_SECTIONS.some((section) =>
    name.toLowerCase().startsWith(`${section.toLowerCase()}.`),
  );
  return open ? { milvusOnly: name } : undefined;
}

function unknownKey({ name, origin }: Setting): Error {
  const nearest = nearestName(name, [...CONFIG_KEYS, ...MILVUS_KEYS]);
  const hint = nearest === undefined ? '"redkite config" lists them all' : `did you mean ${nearest}?`;
  return configInvalid(`unknown configuration key ${name} (${origin.name}); ${hint}`, { key: name });
}

function checkedValue(key: ConfigKey, { raw, origin }: Setting): Value {
  const spec = specOf(key);
  const parsed = parseValue(spec, raw);
  const shown = typeof raw === "string" ? JSON.stringify(raw) : String(raw);
  if (!parsed.ok) {
    throw configInvalid(`${key} is ${shown} (${origin.name}): expected ${parsed.expected}`, {
      key,
      value: String(raw),
    });
  }
  const accepted: readonly Value[] = [spec.default, ...(spec.alsoAccepted ?? [])];
  if (spec.refusal !== undefined && !accepted.includes(parsed.value)) {
    throw configInvalid(`${key} is ${shown} (${origin.name}), but ${spec.refusal}`, {
      key,
      value: String(raw),
    });
  }
  return parsed.value;
}
