/** Makes configs/redkite.yaml and docs/configuration.md from the table of configuration keys. */
import { CONFIG_KEYS, specOf, type ConfigKey } from "../src/config/keys.ts";
import type { KeySpec, Value } from "../src/config/key-spec.ts";
import { environmentName } from "../src/config/load-config.ts";

/** A tree of sections as yaml nests them; a leaf is a key's full name. */
interface Section {
  readonly [name: string]: Section | ConfigKey;
}

/** Every key with its default, so that the file can be edited in place. */
export function defaultYaml(): string {
  const lines = [
    "# Every configuration key of Redkite with its default, under its name in milvus.yaml.",
    "# Generated from src/config/keys.ts by scripts/generate-config.ts; docs/configuration.md says more.",
    "# Copy it, keep the lines that you change, and start with: npm start -- --config FILE",
  ];
  for (const [name, content] of Object.entries(sections())) lines.push("", ...yamlLines(name, content, ""));
  return `${lines.join("\n")}\n`;
}

function sections(): Section {
  const root: { [name: string]: Section | ConfigKey } = {};
  for (const key of CONFIG_KEYS) {
    const names = key.split(".");
    const last = names.pop() ?? key;
    let section = root;
    for (const name of names) {
      const inner = section[name];
      if (typeof inner === "string") throw new Error(`${inner} is both a key and a section of ${key}`);
      section = section[name] = { ...inner };
    }
    section[last] = key;
  }
  return root;
}

function yamlLines(name: string, content: Section | ConfigKey, indent: string): string[] {
  if (typeof content !== "string") {
    return [
      `${indent}${name}:`,
      ...Object.entries(content).flatMap(([inner, more]) => yamlLines(inner, more, `${indent}  `)),
    ];
  }
  const spec = specOf(content);
  const comment = [
    spec.doc,
    allowed(spec),
    spec.refusal === undefined ? "" : "Other values refuse the start.",
  ]
    .filter((part) => part !== "")
    .join(" ");
  return [
    ...wrap(comment, 110 - indent.length).map((line) => `${indent}# ${line}`),
    `${indent}${name}: ${yamlValue(spec.default)}`,
  ];
}

function yamlValue(value: Value): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** The allowed values as one sentence. */
function allowed(spec: KeySpec): string {
  switch (spec.type) {
    case "bool":
    case "string":
      return "";
    case "enum":
      return `One of ${spec.values.join(", ")}.`;
    case "int":
    case "float":
      return `${spec.min} to ${spec.max}${spec.unit === undefined ? "" : ` ${spec.unit}`}.`;
    case "duration":
    case "bytes":
      return `In ${spec.unit}, ${spec.min} to ${spec.max}.`;
  }
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

export function configurationPage(): string {
  const rows = CONFIG_KEYS.map((key) => {
    const spec = specOf(key);
    const names = [environmentName(key), ...(spec.env ?? [])].map((name) => `\`${name}\``).join(", ");
    const notes = [
      spec.doc,
      allowed(spec),
      spec.reloadable === true ? "Can change while running." : "",
      spec.refusal === undefined ? "" : `Other values refuse the start: ${spec.refusal}.`,
    ];
    const unit = spec.type === "duration" || spec.type === "bytes" ? ` ${spec.unit}` : "";
    const shown = spec.default === "" ? "(empty)" : `\`${String(spec.default)}\`${unit}`;
    return `| \`${key}\` | ${shown} | ${names} | ${notes
      .filter((note) => note !== "")
      .join(" ")
      .replaceAll("|", "\\|")} |`;
  });
  return `# Configuration

<!-- Generated from src/config/keys.ts by scripts/generate-config.ts: run "npm run generate" after changing that. -->

Keys have their names in milvus.yaml. A value comes from the last of these that has it:

1. the default below;
2. the file given with \`--config FILE\`, in YAML as [configs/redkite.yaml](../configs/redkite.yaml);
3. the environment: the name below, or the same with \`MILVUS_\` before it, which wins;
4. \`--set key=value\`, as often as needed;
5. options of their own: \`--data\`, \`--host\`, \`--port\`, \`--metrics-port\`.

\`redkite config\` prints every key with its value and where that came from. Upper and lower case do not matter. Times may carry a
unit (\`200ms\`, \`5s\`, \`10m\`, \`1h\`) and so may sizes (\`64KB\`, \`512MB\`, \`32Gi\`, all powers of 1024); a bare number is in the
key's own unit.

An unknown key is an error that names the nearest known one. A key that Milvus has and that is not listed here is accepted with
one line at start and does nothing. A key that asks for protection, durability or another place for data refuses the start
when it is set to something that this version does not give.

| Key | Default | Environment | Meaning |
|---|---|---|---|
${rows.join("\n")}
`;
}
