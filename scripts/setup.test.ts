import test from "node:test";
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { buildEngine, buildPrograms } from "./build-engine.mjs";
import { engineIsCurrent } from "./engine-stamp.mjs";
import { compileFlags } from "./engine-flags.mjs";
import { isInstalled, matchesLockfile, newEnough, setUp, withLock } from "./setup.mjs";

/** A clone with an empty lockfile, an `npm` that does what `npm` does to such a clone, and no engine. */
function clone(): { root: string; env: NodeJS.ProcessEnv } & Disposable {
  const root = mkdtempSync(path.join(os.tmpdir(), "redkite-setup-"));
  writeFileSync(
    path.join(root, "package-lock.json"),
    JSON.stringify({ packages: { "": {}, "node_modules/a": { version: "1" } } }),
  );
  mkdirSync(path.join(root, "fake"));
  const npm = path.join(root, "fake", "npm");
  writeFileSync(
    npm,
    '#!/bin/sh\necho "$@" >> npm.log\nmkdir -p node_modules\ncp package-lock.json node_modules/.package-lock.json\n',
  );
  chmodSync(npm, 0o755);
  const env = { ...process.env, PATH: `${path.dirname(npm)}${path.delimiter}${process.env["PATH"] ?? ""}` };
  return { root, env, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

function writeTree(root: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  }
}

test("a bare clone is installed once, with one line of output, and again only when the lockfile changes", async () => {
  using bare = clone();
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  deepEqual(await setUp({ ...bare, say }), { installed: true, built: false });
  deepEqual(lines, ["redkite: installing dependencies (npm ci)"]);
  match(readFileSync(path.join(bare.root, "npm.log"), "utf8"), /^ci /);
  deepEqual(await setUp({ ...bare, say }), { installed: false, built: false });
  equal(lines.length, 1);
  const lockfile = { packages: { "": {}, "node_modules/a": { version: "2" } } };
  writeFileSync(path.join(bare.root, "package-lock.json"), JSON.stringify(lockfile));
  deepEqual(await setUp({ ...bare, say }), { installed: true, built: false });
  ok(!existsSync(path.join(bare.root, ".cache", "setup.lock")));
});

test("modules that were installed by hand from the same lockfile count", async () => {
  using bare = clone();
  execFileSync("npm", ["install"], { cwd: bare.root, env: bare.env });
  equal(isInstalled(bare.root), true);
  utimesSync(path.join(bare.root, "package-lock.json"), 1, 1);
  equal(isInstalled(bare.root), true, "a touched but equal lockfile changes nothing");
});

test("a failing npm is one sentence with its last words, a missing one says what to install", async () => {
  using bare = clone();
  writeFileSync(path.join(bare.root, "fake", "npm"), "#!/bin/sh\necho no network >&2\nexit 1\n");
  await rejects(
    setUp({ ...bare, say: () => undefined }),
    /"npm ci" failed; its last words were:\nno network/,
  );
  const env = { PATH: path.join(bare.root, "nowhere") };
  await rejects(
    setUp({ root: bare.root, env, say: () => undefined }),
    /npm was not found; install Node\.js 18 or newer/,
  );
});

test("lockfiles are compared by what this machine needs", () => {
  const other = { version: "1", optional: true, os: [process.platform === "linux" ? "darwin" : "linux"] };
  const mine = { version: "1", optional: true, os: [process.platform], cpu: [process.arch] };
  const wanted = { packages: { "": {}, "node_modules/other": other, "node_modules/mine": mine } };
  equal(matchesLockfile(wanted, { packages: { "node_modules/mine": mine } }), true);
  equal(matchesLockfile(wanted, { packages: {} }), false);
  equal(matchesLockfile(wanted, { packages: { "node_modules/mine": { ...mine, version: "2" } } }), false);
  equal(
    matchesLockfile(wanted, { packages: { "node_modules/mine": mine, "node_modules/extra": mine } }),
    false,
  );
  equal(matchesLockfile(undefined, wanted), false);
});

test("Node 24.12 is the oldest that is new enough", () => {
  deepEqual(["18.0.0", "24.11.9", "24.12.0", "26.10.0"].map(newEnough), [false, false, true, true]);
});

test("two set-ups of one clone take turns, and a dead one's lock is taken over", async () => {
  using bare = clone();
  const lock = path.join(bare.root, "x", "setup.lock");
  writeTree(bare.root, { "x/setup.lock": "999999999" });
  const order: string[] = [];
  const run = (name: string) =>
    withLock(
      lock,
      () => undefined,
      async () => {
        order.push(`${name} in`);
        await new Promise((done) => setImmediate(done));
        order.push(`${name} out`);
      },
    );
  await Promise.all([run("a"), run("b")]);
  equal(order[0]?.slice(0, 1), order[1]?.slice(0, 1));
  equal(order[2]?.slice(0, 1), order[3]?.slice(0, 1));
});

test("the engine is built, found current, and only what changed is compiled again", async () => {
  using bare = clone();
  const { root, env } = bare;
  writeTree(root, {
    "engine/include/answer.h": "int answer();\n",
    "engine/src/answer.cc": '#include "answer.h"\nint answer() { return 42; }\n',
    "engine/src/kernels/neon/only_arm.cc": process.arch === "arm64" ? "" : "#error not for this machine\n",
    "engine/binding/addon.cc": 'extern "C" int napi_register_module_v1() { return 0; }\n',
    "engine/test/answer_test.cc": '#include "answer.h"\nint main() { return answer() == 42 ? 0 : 1; }\n',
  });
  equal(await engineIsCurrent(root), false);
  const first = await buildEngine({ root, env });
  deepEqual(
    [first.compiled, first.reused, existsSync(first.output ?? "")],
    [process.arch === "arm64" ? 3 : 2, 0, true],
  );
  equal(await engineIsCurrent(root), true);
  writeTree(root, { "engine/include/answer.h": "int answer();\nint other();\n" });
  equal(await engineIsCurrent(root), false);
  equal((await buildEngine({ root, env })).compiled, 1, "only the file that includes the header");
  utimesSync(path.join(root, "engine/src/answer.cc"), 1, 1);
  equal(await engineIsCurrent(root), true, "touched, but the contents are the same");
  const [program = ""] = await buildPrograms({ root, env, kinds: ["test"] });
  execFileSync(program);
  writeTree(root, { "engine/src/answer.cc": "int answer() { return }\n" });
  await rejects(buildEngine({ root, env }), /engine\/src\/answer\.cc does not compile:[^]*error/);
  await rejects(buildEngine({ root, env: { PATH: "" } }), /no C\+\+ compiler found[^]*apt-get install g\+\+/);
});

test("kernel folders get their instruction sets, the rest the baseline", () => {
  const flags = (file: string) => compileFlags(file, { arch: "x64" }) ?? [];
  ok(flags("engine/src/kernels/avx512vnni/dot.cc").includes("-mavx512vnni"));
  ok(flags("engine/src/kernels/avx2/dot.cc").includes("-mfma"));
  ok(!flags("engine/src/kernels/scalar/dot.cc").some((flag) => flag.startsWith("-mavx")));
  ok(flags("engine/src/index/hnsw.cc").includes("-march=x86-64-v2"));
  equal(compileFlags("engine/src/kernels/neon/dot.cc", { arch: "x64" }), undefined);
  ok(compileFlags("engine/test/a.cc", { arch: "x64", sanitize: "thread" })?.includes("-fsanitize=thread"));
});
