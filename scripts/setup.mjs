// Brings a clone to the state in which Redkite can start: dependencies by the lockfile, the engine built from its sources.
// When that is so already, it costs a few `stat` calls. Plain JavaScript that Node 18 understands.

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { engineIsCurrent } from "./engine-stamp.mjs";

/** Something the user has to do; the message is a whole sentence. */
export class SetupError extends Error {
  name = "SetupError";
}

/**
 * @param {{ root: string, say: (line: string) => void, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ installed: boolean, built: boolean }>} what had to be done
 */
export async function setUp({ root, say, env = process.env }) {
  const done = { installed: false, built: false };
  if (isInstalled(root) && (await engineIsCurrent(root))) return done;
  await withLock(path.join(root, ".cache", "setup.lock"), say, async () => {
    if (!isInstalled(root)) {
      say("redkite: installing dependencies (npm ci)");
      await npmCi(root, env);
      writeInstallStamp(root);
      done.installed = true;
    }
    if (!(await engineIsCurrent(root))) {
      say("redkite: building the engine");
      const { buildEngine, BuildError } = await import("./build-engine.mjs");
      try {
        await buildEngine({ root, env });
      } catch (error) {
        throw error instanceof BuildError ? new SetupError(error.message) : error;
      }
      done.built = true;
    }
  });
  return done;
}

/** The Node that the lockfile pins for this machine; the running one where there is none and it is new enough. */
export function pinnedNode(root) {
  const binary = path.join(root, "node_modules", ".bin", "node");
  if (existsSync(binary)) return binary;
  return newEnough(process.versions.node) ? process.execPath : undefined;
}

/** Whether the running Node is the pinned one, or good enough where none is pinned. */
export function runsTypeScript(root) {
  const node = pinnedNode(root);
  return node !== undefined && realpathSync(node) === realpathSync(process.execPath);
}

export function newEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 24 || (major === 24 && minor >= 12);
}

/**
 * Installed means: by this lockfile, for this machine. The stamp beside the modules remembers the lockfile's `stat`, so that
 * it is read only after it was touched. Modules that someone installed by hand from the same lockfile count, too.
 */
export function isInstalled(root) {
  const stampFile = installStampPath(root);
  const lockfile = path.join(root, "package-lock.json");
  const stamp = readJson(stampFile);
  const machine = `${process.platform}-${process.arch}`;
  if (stamp?.machine === machine && stamp.lockfile === statKey(lockfile)) return true;
  if (!existsSync(path.join(root, "node_modules", ".package-lock.json"))) return false;
  if (!matchesLockfile(readJson(lockfile), readJson(path.join(root, "node_modules", ".package-lock.json"))))
    return false;
  writeInstallStamp(root);
  return true;
}

/** Whether every package of the lockfile that this machine needs is installed in the version it names. */
export function matchesLockfile(wanted, installed) {
  if (wanted?.packages === undefined || installed?.packages === undefined) return false;
  const has = installed.packages;
  for (const [location, entry] of Object.entries(wanted.packages)) {
    if (location === "" || entry.link === true || !location.includes("node_modules/")) continue;
    const here = has[location];
    if (here === undefined) {
      if (entry.optional === true && !suitsMachine(entry)) continue;
      return false;
    }
    if (here.version !== entry.version || here.integrity !== entry.integrity) return false;
  }
  return Object.keys(has).every((location) => wanted.packages[location] !== undefined);
}

function suitsMachine(entry) {
  const allows = (list, value) => list === undefined || list.includes(value);
  // Without a list the package runs everywhere, but an optional one may have failed to install: that is allowed.
  if (entry.os === undefined && entry.cpu === undefined) return false;
  return (
    allows(entry.os, process.platform) &&
    allows(entry.cpu, process.arch) &&
    !(entry.libc?.includes("musl") ?? false)
  );
}

function installStampPath(root) {
  return path.join(root, "node_modules", ".redkite-stamp.json");
}

function writeInstallStamp(root) {
  const stamp = {
    machine: `${process.platform}-${process.arch}`,
    lockfile: statKey(path.join(root, "package-lock.json")),
  };
  writeFileSync(installStampPath(root), `${JSON.stringify(stamp)}\n`);
}

function statKey(file) {
  const { size, mtimeMs, ino } = statSync(file);
  return `${size}:${mtimeMs}:${ino}`;
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** npm must not run on the Node that it is about to replace, so the project's own binaries leave the PATH. */
async function npmCi(root, env) {
  const ownBin = path.join("node_modules", ".bin");
  const cleanPath = (env.PATH ?? "")
    .split(path.delimiter)
    .filter((folder) => !folder.endsWith(ownBin) && !folder.includes("node-gyp-bin"))
    .join(path.delimiter);
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const result = await run("npm", args, { cwd: root, env: { ...env, PATH: cleanPath } });
  if (result.missing) {
    throw new SetupError(
      "npm was not found; install Node.js 18 or newer together with npm, and start again.",
    );
  }
  if (result.code !== 0) {
    throw new SetupError(`"npm ci" failed; its last words were:\n${lastLines(result.output, 15)}`);
  }
}

/** Runs a command to its end, collecting what it prints; passes our own termination on to it. */
async function run(command, args, options) {
  const { spawn } = await import("node:child_process");
  return await new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    const chunks = [];
    const stop = (signal) => {
      child.kill(signal);
      process.exit(130);
    };
    process.once("SIGINT", stop).once("SIGTERM", stop);
    const finish = (result) => {
      process.off("SIGINT", stop).off("SIGTERM", stop);
      resolve({ ...result, output: Buffer.concat(chunks).toString("utf8") });
    };
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => finish({ code: 1, missing: error.code === "ENOENT" }));
    child.on("close", (code) => finish({ code, missing: false }));
  });
}

function lastLines(text, count) {
  return text.trim().split("\n").slice(-count).join("\n");
}

/** One set-up of a clone at a time; a lock whose process is gone is taken over. */
export async function withLock(file, say, action) {
  mkdirSync(path.dirname(file), { recursive: true });
  let waiting = false;
  while (!tryLock(file)) {
    if (!waiting) say("redkite: waiting for another process that is setting up this folder");
    waiting = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  try {
    return await action();
  } finally {
    rmSync(file, { force: true });
  }
}

function tryLock(file) {
  try {
    const descriptor = openSync(file, "wx");
    writeFileSync(descriptor, String(process.pid));
    closeSync(descriptor);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  const holder = Number(readText(file));
  // An empty file is a holder between creating and writing; give it a moment by waiting as for a live one.
  if (holder > 0 && !isAlive(holder)) rmSync(file, { force: true });
  return false;
}

function readText(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
