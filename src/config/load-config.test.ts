import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { deepEqual, equal, match, throws } from "node:assert/strict";
import { RedkiteError } from "../errors/redkite-error.ts";
import { Config, describeOrigin } from "./config.ts";
import { loadConfig, type ConfigSources } from "./load-config.ts";
import { CONFIG_KEYS, KEYS, specOf } from "./keys.ts";
import { MILVUS_KEYS } from "./milvus-keys.gen.ts";
import { parseValue } from "./parse-value.ts";
import { parseYamlConfig } from "./yaml-source.ts";

/** Where keys have their names and nothing else. */
const TABLES = ["keys.ts", "milvus-keys.gen.ts"];

const file = (text: string) => ({ name: "redkite.yaml", values: parseYamlConfig(text, "redkite.yaml") });

function refusal(sources: ConfigSources): string {
  try {
    loadConfig(sources);
  } catch (error) {
    if (error instanceof RedkiteError && error.kind === "configInvalid") return error.message;
    throw error;
  }
  throw new Error("was accepted");
}

test("without sources every key has its default, which fits its own bounds", () => {
  const { config, notices } = loadConfig({});
  deepEqual(notices, []);
  equal(config.get("proxy.port"), 19530);
  equal(config.get("common.gracefulTime"), 5000);
  for (const key of CONFIG_KEYS) {
    deepEqual(parseValue(specOf(key), specOf(key).default), { ok: true, value: config.get(key) }, key);
    equal(config.origin(key).source, "default");
  }
  deepEqual(config.changes(), []);
});

test("later sources win: file, environment, --set, options; and each value remembers where it came from", () => {
  const sources: ConfigSources = {
    file: file("proxy:\n  port: 1\n  threads: 2\n  maxNameLength: 3\nlog.level: warn\n"),
    env: {
      PROXY_PORT: "4",
      MILVUS_PROXY_PORT: "5",
      PROXY_MAXNAMELENGTH: "6",
      PATH: "/usr/bin",
      PROXY_THREADS: "",
    },
    sets: ["proxy.port=7", "common.gracefulTime=2s"],
    options: [{ option: "--port", key: "proxy.port", value: "8" }],
  };
  const { config } = loadConfig(sources);
  const seen = (key: Parameters<Config["get"]>[0]) => [config.get(key), describeOrigin(config.origin(key))];
  deepEqual(seen("proxy.port"), [8, "--port"]);
  deepEqual(seen("proxy.threads"), [2, "redkite.yaml"]);
  deepEqual(seen("proxy.maxNameLength"), [6, "PROXY_MAXNAMELENGTH"]);
  deepEqual(seen("common.gracefulTime"), [2000, "--set"]);
  deepEqual(seen("log.level"), ["warn", "redkite.yaml"]);
  const { config: withoutOptions } = loadConfig({ ...sources, sets: [], options: [] });
  deepEqual(withoutOptions.get("proxy.port"), 5, "the MILVUS_ prefix wins over the bare name");
});

test("every key does what the table says, or the table says that it is refused", () => {
  const src = path.dirname(import.meta.dirname);
  const sources = readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter(
      (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !TABLES.includes(path.basename(name)),
    )
    .map((name) => readFileSync(path.join(src, name), "utf8"));
  const unread = CONFIG_KEYS.filter((key) => specOf(key).refusal === undefined).filter(
    (key) => !sources.some((text) => text.includes(`"${key}"`)),
  );
  deepEqual(unread, [], "Milvus's names without a meaning here belong to milvus-keys.gen.ts alone");
});

test("a Kubernetes service link is not a port", () => {
  const { config, notices } = loadConfig({ env: { PROXY_PORT: "tcp://10.0.0.7:19530" } });
  equal(config.get("proxy.port"), 19530);
  match(notices.join(), /PROXY_PORT looks like a Kubernetes service link/);
});

test("an unknown key is an error that names the nearest known one", () => {
  match(
    refusal({ sets: ["proxy.prot=1"] }),
    /unknown configuration key proxy\.prot \(--set\); did you mean proxy\.port\?/,
  );
  match(
    refusal({ file: file("dataCoord:\n  segment:\n    maxsise: 5") }),
    /dataCoord\.segment\.maxsise \(redkite\.yaml\).*dataCoord\.segment\.maxSize/,
  );
  match(refusal({ sets: ["zzzzzz=1"] }), /redkite config/);
  match(refusal({ sets: ["proxy.port"] }), /--set proxy\.port: expected key=value/);
});

test("upper and lower case do not matter, as in Milvus", () => {
  equal(loadConfig({ sets: ["PROXY.Port=5"] }).config.get("proxy.port"), 5);
});

test("a bad value names key, value, source and what would be right", () => {
  equal(
    refusal({ env: { PROXY_PORT: "70000" } }),
    'proxy.port is "70000" (PROXY_PORT): expected a whole number between 0 and 65535',
  );
  match(refusal({ file: file("proxy: {port: [1, 2]}") }), /proxy\.port is "1,2" \(redkite\.yaml\)/);
  match(refusal({ sets: ["log.level=loud"] }), /expected one of debug, info, warn, error/);
  match(refusal({ options: [{ option: "--port", key: "proxy.port", value: "x" }] }), /\(--port\)/);
});

test("a key that Milvus has and that does nothing here is accepted with one notice", () => {
  const { notices } = loadConfig({
    file: file("etcd:\n  endpoints: [a:1, b:2]\nknowhere:\n  MYINDEX:\n    x: 1\n"),
  });
  deepEqual(notices, [
    "etcd.endpoints (redkite.yaml) has no effect in this version",
    "knowhere.MYINDEX.x (redkite.yaml) has no effect in this version",
  ]);
});

test("keys that ask for protection, durability or another place are refused unless set to what is served", () => {
  match(refusal({ sets: ["common.security.authorizationEnabled=true"] }), /open to everyone/);
  match(
    refusal({ env: { COMMON_SECURITY_TLSMODE: "2" } }),
    /common\.security\.tlsMode is "2".*plain connections/,
  );
  match(refusal({ sets: ["tls.serverPemPath=/etc/milvus/tls/server.pem"] }), /plain connections/);
  match(refusal({ file: file("mq: {type: pulsar}") }), /mq\.type is "pulsar".*files in the data folder/);
  match(refusal({ file: file("metastore: {type: etcd}") }), /SQLite/);
  match(refusal({ file: file("common: {storageType: remote}") }), /data folder only/);
  match(refusal({ sets: ["cipherPlugin.enableDiskEncryption=true"] }), /does not encrypt what it stores/);
  match(refusal({ sets: ["quotaAndLimits.dml.enabled=true"] }), /does not enforce rates/);
  match(refusal({ sets: ["mq.type=kafak"] }), /expected one of default, file-wal/);
  const fine = loadConfig({
    file: file(
      "mq: {type: file-wal}\ncommon: {storageType: local, security: {tlsMode: 0, authorizationEnabled: false}}",
    ),
  });
  equal(fine.config.get("mq.type"), "file-wal");
  deepEqual(fine.notices, []);
});

test("empty values in yaml leave the default", () => {
  const { config } = loadConfig({ file: file("proxy:\n  ip:\n  port: 1\n") });
  equal(config.get("proxy.ip"), "127.0.0.1");
});

test("relations between limits are checked at load", () => {
  match(refusal({ sets: ["metrics.port=19530"] }), /both 19530/);
  loadConfig({ sets: ["metrics.port=0", "proxy.port=0"] });
  match(
    refusal({ sets: ["proxy.maxVectorFieldNum=64", "proxy.maxFieldNum=10"] }),
    /must not exceed proxy\.maxFieldNum/,
  );
  match(refusal({ sets: ["proxy.grpc.serverMaxInFlight=1m"] }), /could never be admitted/);
  match(refusal({ sets: ["dataCoord.segment.maxSize=8"] }), /minSizeFromIdleToSealed \(16 MB\)/);
  match(refusal({ sets: ["quotaAndLimits.limits.maxCollectionNum=5"] }), /maxCollectionNumPerDB/);
  match(refusal({ sets: ["quotaAndLimits.limits.maxInsertSize=1g"] }), /maxInsertSize/);
});

test("damaged yaml is one sentence", () => {
  throws(() => parseYamlConfig("a: [1", "x.yaml"), /x\.yaml is not valid YAML: /);
  throws(() => parseYamlConfig("- 1\n- 2", "x.yaml"), /must be a map of configuration keys, not a list/);
  throws(() => parseYamlConfig("hello", "x.yaml"), /not "hello"/);
  throws(() => parseYamlConfig("a: 1\na: 2", "x.yaml"), /not valid YAML/);
  equal(parseYamlConfig("# nothing\n", "x.yaml").size, 0);
});

test("what another thread gets is the same configuration", () => {
  const { config } = loadConfig({ sets: ["proxy.port=0", "proxy.threads=2"] });
  const copy = new Config(structuredClone(config.changes()));
  deepEqual(copy.entries(), config.entries());
});

test("reloadable keys change while running and tell their watchers", () => {
  const { config } = loadConfig({});
  const seen: string[] = [];
  const watch = config.watch("log.level", (level) => seen.push(level));
  config.update("log.level", "debug");
  equal(config.get("log.level"), "debug");
  equal(config.origin("log.level").source, "runtime");
  watch[Symbol.dispose]();
  config.update("log.level", "error");
  deepEqual(seen, ["debug"]);
});

test("a change at run time is checked like one at the start", () => {
  const { config } = loadConfig({});
  throws(() => config.update("proxy.port", 5), /proxy\.port cannot change while the server runs/);
  throws(() => config.update("no.such.key", 5), /not a configuration key/);
  throws(() => config.update("log.level", "loud"), /expected one of/);
  equal(config.get("log.level"), "info");
});

test("the table and Milvus's names: no key twice in different case, own keys are few", () => {
  const own = CONFIG_KEYS.filter((key) => !MILVUS_KEYS.includes(key));
  deepEqual(own.toSorted(), [
    "common.retentionDuration",
    "metrics.ip",
    "metrics.port",
    "proxy.grpc.serverMaxInFlight",
    "proxy.threads",
  ]);
  equal(new Set(CONFIG_KEYS.map((key) => key.toLowerCase())).size, CONFIG_KEYS.length);
  for (const key of CONFIG_KEYS)
    match(KEYS[key].doc, /^[A-Z0-9].*\.( Option: --[a-z-]+\.| Environment: [A-Z_]+\.)?$/s, key);
});
