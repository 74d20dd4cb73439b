import { readFileSync } from "node:fs";
import { configInvalid } from "../errors/parameter-errors.ts";
import type { ConfigKey } from "../config/keys.ts";
import { loadConfig, type ConfigSources, type LoadedConfig } from "../config/load-config.ts";
import { lastValue, type GivenOption, type OptionSpec } from "./parse-options.ts";

/** The options of `run standalone` and of `config`. */
export const SERVER_OPTIONS: readonly OptionSpec[] = [
  { name: "--data", value: "DIR", about: "the folder that is the database (default ./redkite-data)" },
  { name: "--host", value: "ADDRESS", about: "the address to listen on (default 127.0.0.1)" },
  { name: "--port", value: "PORT", about: "port for clients (default 19530; 0 takes a free one)" },
  { name: "--metrics-port", value: "PORT", about: "port for metrics and health (default 9091)" },
  { name: "--config", value: "FILE", about: "a configuration file with milvus.yaml's keys" },
  { name: "--set", value: "KEY=VALUE", about: "one configuration key; may be given again and again" },
];

const KEY_OF_OPTION: Readonly<Record<string, ConfigKey>> = {
  "--data": "localStorage.path",
  "--host": "proxy.ip",
  "--port": "proxy.port",
  "--metrics-port": "metrics.port",
};

/** The configuration from file, environment and options. Throws configInvalid with one sentence. */
export async function configFromOptions(
  given: readonly GivenOption[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<LoadedConfig> {
  const file = await configFile(lastValue(given, "--config"));
  const options = given.flatMap(({ name, value }) => {
    const key = KEY_OF_OPTION[name];
    return key === undefined ? [] : [{ option: name, key, value }];
  });
  const sets = given.filter(({ name }) => name === "--set").map(({ value }) => value);
  return loadConfig({ ...(file !== undefined && { file }), env, sets, options });
}

async function configFile(name: string | undefined): Promise<ConfigSources["file"]> {
  if (name === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(name, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw configInvalid(`the configuration file ${name} cannot be read: ${why}`);
  }
  const { parseYamlConfig } = await import("../config/yaml-source.ts");
  return { name, values: parseYamlConfig(text, name) };
}
