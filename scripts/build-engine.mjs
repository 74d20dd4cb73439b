// Builds the engine with the machine's C++ compiler, without node-gyp:
//
//     node scripts/build-engine.mjs                               engine/build/redkite.node
//     node scripts/build-engine.mjs --programs=test               engine/build/plain/bin/*, one per engine/test/*.cc
//     node scripts/build-engine.mjs --programs=test,bench --sanitize=address,undefined
//     node scripts/build-engine.mjs --programs=test --sanitize=thread --run
//     node scripts/build-engine.mjs --programs=fuzz --sanitize=address,undefined --run
//     CXX=clang++ node scripts/build-engine.mjs --programs=fuzz --sanitize=fuzzer,address,undefined
//
// An object is compiled again when its source, a header it includes, its flags or the compiler changed (by content).

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { addonLinkFlags, compileFlags, sanitizerFlags } from "./engine-flags.mjs";
import { addonPath, currentStamp, filesUnder, writeStamp } from "./engine-stamp.mjs";

/** The compiler is missing or said no; the message is what the user should read. */
export class BuildError extends Error {
  name = "BuildError";
}

const jobsMax = Math.min(2, os.cpus().length);

/**
 * Builds engine/build/redkite.node. Does nothing where there is no engine/binding.
 *
 * @param {{ root: string, env?: NodeJS.ProcessEnv, verbose?: boolean }} options
 * @returns {Promise<{ compiled: number, reused: number, output: string | undefined }>}
 */
export async function buildEngine({ root, env = process.env, verbose = false }) {
  const bindings = sourcesUnder(root, "engine/binding");
  if (bindings.length === 0) return { compiled: 0, reused: 0, output: undefined };
  const stamp = await currentStamp(root);
  const compiler = await findCompiler(env);
  const build = new Build({ root, compiler, variant: "addon", sanitize: "", verbose });
  const objects = await build.compileAll([...sourcesUnder(root, "engine/src"), ...bindings]);
  const output = addonPath(root);
  await build.link(objects, output, addonLinkFlags);
  writeStamp(root, stamp);
  return { compiled: build.compiled, reused: build.reused, output };
}

/**
 * Builds one program per source file of engine/<kind>, linked with all of engine/src.
 *
 * @param {{ root: string, kinds: string[], sanitize?: string, env?: NodeJS.ProcessEnv, verbose?: boolean }} options
 * @returns {Promise<string[]>} paths of the programs
 */
export async function buildPrograms({ root, kinds, sanitize = "", env = process.env, verbose = false }) {
  const compiler = await findCompiler(env);
  const variant = sanitize === "" ? "plain" : sanitize.replaceAll(",", "-");
  const build = new Build({ root, compiler, variant, sanitize, verbose });
  const programs = kinds.flatMap((kind) => sourcesUnder(root, `engine/${kind}`));
  if (programs.length === 0) return [];
  const engine = await build.compileAll(sourcesUnder(root, "engine/src"));
  const mains = await build.compileAll(programs);
  const folder = path.join(root, "engine", "build", variant, "bin");
  mkdirSync(folder, { recursive: true });
  const outputs = [];
  for (const [index, object] of mains.entries()) {
    const output = path.join(folder, path.basename(programs[index], ".cc"));
    await build.link([object, ...engine], output, [
      "-pthread",
      ...(sanitize === "" ? [] : sanitizerFlags(sanitize)),
    ]);
    outputs.push(output);
  }
  return outputs;
}

class Build {
  compiled = 0;
  reused = 0;

  constructor({ root, compiler, variant, sanitize, verbose }) {
    this.root = root;
    this.compiler = compiler;
    this.sanitize = sanitize;
    this.verbose = verbose;
    this.folder = path.join(root, "engine", "build", variant);
    this.hashes = new Map();
  }

  /** @returns {Promise<string[]>} object files, without those of other architectures */
  async compileAll(sources) {
    const objects = [];
    const queue = [];
    for (const source of sources) {
      const flags = compileFlags(source, { sanitize: this.sanitize });
      if (flags === undefined) continue;
      const object = path.join(this.folder, "obj", `${source}.o`);
      objects.push(object);
      const key = `${this.compiler.identity}\n${flags.join(" ")}`;
      if (this.isFresh(object, key)) this.reused++;
      else queue.push({ source, object, flags, key });
    }
    const worker = async () => {
      for (let job = queue.shift(); job !== undefined; job = queue.shift()) await this.compile(job);
    };
    const workers = Array.from({ length: jobsMax }, worker);
    try {
      await Promise.all(workers);
    } finally {
      queue.length = 0;
      await Promise.allSettled(workers);
    }
    return objects;
  }

  async compile({ source, object, flags, key }) {
    mkdirSync(path.dirname(object), { recursive: true });
    rmSync(`${object}.json`, { force: true });
    const depfile = `${object}.d`;
    const args = [...flags, ...this.includes(), "-MMD", "-MF", depfile, "-c", source, "-o", object];
    if (this.verbose) process.stderr.write(`${this.compiler.command} ${args.join(" ")}\n`);
    const before = this.hash(source);
    const { code, output } = await run(this.compiler.command, args, { cwd: this.root });
    if (code !== 0) throw new BuildError(`${source} does not compile:\n${output.trim()}`);
    if (output.trim() !== "") process.stderr.write(output);
    const inputs = {};
    for (const file of readDepfile(depfile)) inputs[file] = file === source ? before : this.hash(file);
    writeFileSync(`${object}.json`, JSON.stringify({ key, inputs }));
    this.compiled++;
  }

  async link(objects, output, flags) {
    const temporary = `${output}.${process.pid}.new`;
    const args = ["-o", temporary, ...objects, ...flags];
    if (this.verbose) process.stderr.write(`${this.compiler.command} ${args.join(" ")}\n`);
    const { code, output: text } = await run(this.compiler.command, args, { cwd: this.root });
    if (code !== 0)
      throw new BuildError(`${path.relative(this.root, output)} does not link:\n${text.trim()}`);
    // A running server keeps the file it has mapped; never write into that.
    renameSync(temporary, output);
  }

  includes() {
    const modules = path.join("node_modules");
    return [
      ["-I", "engine/include"],
      ["-I", "engine/src"],
      ["-isystem", path.join(modules, "node-api-headers", "include")],
      ["-isystem", path.join(modules, "node-addon-api")],
    ].flat();
  }

  isFresh(object, key) {
    if (!existsSync(object)) return false;
    let record;
    try {
      record = JSON.parse(readFileSync(`${object}.json`, "utf8"));
    } catch {
      return false;
    }
    return (
      record.key === key && Object.entries(record.inputs).every(([file, hash]) => this.hash(file) === hash)
    );
  }

  hash(file) {
    let hash = this.hashes.get(file);
    if (hash === undefined) {
      const absolute = path.resolve(this.root, file);
      hash = existsSync(absolute)
        ? createHash("sha256").update(readFileSync(absolute)).digest("hex")
        : "missing";
      this.hashes.set(file, hash);
    }
    return hash;
  }
}

/** The first of $CXX, g++, c++ and clang++ that answers; its version is part of every object's key. */
async function findCompiler(env) {
  const candidates = [env.CXX, "g++", "c++", "clang++"].filter(
    (command) => command !== undefined && command !== "",
  );
  for (const command of candidates) {
    const { code, output } = await run(command, ["--version"], { env });
    if (code === 0) return { command, identity: `${command} ${output.split("\n")[0]}` };
  }
  throw new BuildError(
    `no C++ compiler found (tried ${candidates.join(", ")}). Redkite compiles its engine once: install one with ` +
      `"apt-get install g++", "dnf install gcc-c++" or "xcode-select --install", or name one in CXX.`,
  );
}

/** Sorted, so that the link order never depends on the file system. */
function sourcesUnder(root, folder) {
  return filesUnder(root, folder).filter((file) => file.endsWith(".cc"));
}

/** The files of a make rule: `object: source header \ <newline> header`. */
function readDepfile(file) {
  const text = readFileSync(file, "utf8").replaceAll("\\\n", " ");
  const rule = text.slice(text.indexOf(": ") + 2).split("\n")[0] ?? "";
  return rule
    .split(/(?<!\\)\s+/)
    .filter((name) => name !== "")
    .map((name) => name.replaceAll("\\ ", " "));
}

function run(command, args, options) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => resolve({ code: 1, output: error.message }));
    child.on("close", (code) => resolve({ code, output: Buffer.concat(chunks).toString("utf8") }));
  });
}

async function main(args) {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const option = (name) => args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  const verbose = args.includes("--verbose");
  const sanitize = option("sanitize") ?? "";
  const kinds = (option("programs") ?? (sanitize === "" ? "" : "test"))
    .split(",")
    .filter((kind) => kind !== "");
  if (kinds.length === 0) {
    const { compiled, reused, output } = await buildEngine({ root, verbose });
    const what = output === undefined ? "nothing to build" : path.relative(root, output);
    process.stdout.write(`${what}: ${compiled} compiled, ${reused} up to date\n`);
    return 0;
  }
  const programs = await buildPrograms({ root, kinds, sanitize, verbose });
  for (const program of programs) process.stdout.write(`${path.relative(root, program)}\n`);
  return args.includes("--run") ? await runAll(programs) : 0;
}

async function runAll(programs) {
  let failed = 0;
  for (const program of programs) {
    const { code, output } = await run(program, [], {});
    process.stdout.write(`${code === 0 ? "ok  " : "FAIL"} ${path.basename(program)}\n`);
    if (code !== 0) {
      failed++;
      process.stdout.write(`${output.trim()}\n`);
    }
  }
  return failed === 0 ? 0 : 1;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    process.stderr.write(`redkite: ${error.message}\n`);
    process.exitCode = 1;
  }
}
