import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { main } from "./main.ts";

async function redkite(...args: readonly string[]) {
  const lines: string[] = [];
  const errors: string[] = [];
  const code = await main(args, { line: (text) => lines.push(text), error: (text) => errors.push(text) });
  return { code, lines, errors };
}

describe("the command line", () => {
  test("shows its commands and options when it is given none", async () => {
    const { code, lines } = await redkite();
    assert.equal(code, 0);
    for (const word of ["run standalone", "doctor DIR", "inspect FILE", "--metrics-port"]) {
      assert.ok(
        lines.some((line) => line.includes(word)),
        word,
      );
    }
  });

  test("an unknown command names the nearest one", async () => {
    const { code, errors } = await redkite("verson");
    assert.equal(code, 2);
    assert.equal(errors[0], "redkite: unknown command verson; did you mean version?");
  });

  test("a command that resembles none gets the list", async () => {
    const { code, errors } = await redkite("launch-the-server");
    assert.equal(code, 2);
    assert.match(errors[0] ?? "", /known are run, version, config/);
  });

  test("an unknown option names the nearest one", async () => {
    const { code, errors } = await redkite("run", "standalone", "--prot", "1");
    assert.equal(code, 2);
    assert.equal(errors[0], "redkite: unknown option --prot; did you mean --port?");
  });

  test("an option without its value says what it wants", async () => {
    const { errors } = await redkite("config", "--set");
    assert.equal(errors[0], "redkite: --set needs a value: --set KEY=VALUE");
  });

  test("run needs to be told what", async () => {
    assert.match((await redkite("run")).errors[0] ?? "", /run what\?/);
    assert.match((await redkite("run", "standalon")).errors[0] ?? "", /did you mean standalone\?/);
  });

  test("help of one command shows that one", async () => {
    const { lines } = await redkite("doctor", "--help");
    assert.ok(lines.some((line) => line.includes("doctor DIR")));
    assert.ok(!lines.some((line) => line.includes("--port")));
  });

  test("version prints the release", async () => {
    const { code, lines } = await redkite("version");
    assert.equal(code, 0);
    assert.match(lines[0] ?? "", /^redkite \d+\.\d+\.\d+, Node v\d+/);
  });
});

describe("redkite config", () => {
  test("lists value, default and origin of each key; options win over --set, and that over a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "redkite-"));
    try {
      const file = join(folder, "redkite.yaml");
      writeFileSync(file, "proxy:\n  port: 1001\n  threads: 2\nmetrics:\n  port: 1005\n");
      const { code, lines } = await redkite(
        ...["config", "--config", file, "--set", "proxy.port=1002", "--set=metrics.port=1003"],
        "--port=1004",
      );
      assert.equal(code, 0);
      const row = (key: string) => lines.find((line) => line.startsWith(`${key} `))?.split(/ {2,}/);
      assert.deepEqual(row("proxy.port"), ["proxy.port", "1004", "19530", "--port"]);
      assert.deepEqual(row("metrics.port"), ["metrics.port", "1003", "9091", "--set"]);
      assert.deepEqual(row("proxy.threads"), ["proxy.threads", "2", "1", file]);
      assert.equal(row("proxy.ip")?.[3], "default");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("an unknown key, a wrong value and a missing file each get one sentence", async () => {
    const unknown = await redkite("config", "--set", "proxy.prot=1");
    assert.equal(unknown.code, 1);
    assert.match(
      unknown.errors.join("\n"),
      /unknown configuration key proxy\.prot .*did you mean proxy\.port\?/,
    );
    const wrong = await redkite("config", "--port", "many");
    assert.match(wrong.errors[0] ?? "", /proxy\.port is "many" \(--port\): expected/);
    const missing = await redkite("config", "--config", "no-such.yaml");
    assert.match(missing.errors[0] ?? "", /configuration file no-such\.yaml cannot be read/);
  });

  test("a command whose output nobody reads any more ends without a word", async () => {
    const program = join(import.meta.dirname, "main.ts");
    const child = spawn(process.execPath, [program, "config"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    const [code] = (await once(child, "close")) as [number | null];
    assert.deepEqual([code, errors], [1, ""]);
  });
});
