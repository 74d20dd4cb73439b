import test from "node:test";
import { deepEqual, match } from "node:assert/strict";
import path from "node:path";
import { CONFIG_KEYS } from "../src/config/keys.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { parseYamlConfig } from "../src/config/yaml-source.ts";
import { configurationPage, defaultYaml } from "./generate-config.ts";
import { outdated } from "./generate.ts";

test("generated files are up to date", () => {
  deepEqual(outdated(path.resolve(import.meta.dirname, "..")), []);
});

test("the default yaml holds every key, and loading it changes nothing", () => {
  const values = parseYamlConfig(defaultYaml(), "redkite.yaml");
  deepEqual([...values.keys()].toSorted(), [...CONFIG_KEYS].toSorted());
  const { config, notices } = loadConfig({ file: { name: "redkite.yaml", values } });
  const defaults = loadConfig({}).config;
  deepEqual(notices, []);
  for (const key of CONFIG_KEYS) deepEqual(config.get(key), defaults.get(key), key);
});

test("the page has a row for every key with its environment name", () => {
  const page = configurationPage();
  for (const key of CONFIG_KEYS)
    match(page, new RegExp(`^\\| \`${key.replaceAll(".", "\\.")}\` \\|.*\`[A-Z_]+\``, "m"));
});
