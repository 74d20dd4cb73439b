// Sets the clone up, then runs a TypeScript entry under the pinned Node. Plain JavaScript that Node 18 understands,
// because on a bare clone the system's Node runs it. An entry exports `main(args)`, which returns the exit code.

import { existsSync } from "node:fs";
import * as module from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { pinnedNode, runsTypeScript, setUp, SetupError } from "./setup.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Repeats of a signal within this time are one signal that arrived on two ways, not a second request. */
const sameSignalMs = 100;

/**
 * @param {string} entry path of a .ts file, relative to the repository
 * @param {readonly string[]} args what the entry gets
 */
export async function launch(entry, args) {
  let changed;
  try {
    changed = await setUp({ root, say: (line) => process.stderr.write(`${line}\n`) });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`redkite: ${error.message}\n`);
    process.exitCode = 1;
    return;
  }
  // After an installation the running binary may be the one that was just replaced.
  if (!changed.installed && runsTypeScript(root)) await runHere(entry, args);
  else await runInPinnedNode(entry, args);
}

async function runHere(entry, args) {
  const cache = path.join(root, ".cache", "compile");
  module.enableCompileCache?.(cache);
  // Worker threads look here: each of them would compile all of its modules anew.
  process.env.NODE_COMPILE_CACHE ??= cache;
  swallowRepeatedSignals();
  stopWithParent();
  const file = path.resolve(root, entry);
  process.argv = [process.execPath, file, ...args];
  if (!existsSync(file)) {
    process.stderr.write(`redkite: there is no ${entry} in this version\n`);
    process.exitCode = 1;
    return;
  }
  const { main } = await import(pathToFileURL(file).href);
  // Without a main it would end well and have done nothing.
  if (main === undefined) throw new Error(`${entry} exports no main`);
  process.exitCode = await main(args);
}

/**
 * The child gets a process group of its own, so that a terminal's ctrl-C reaches it once, from here, and not a second time
 * from the terminal. It stops when this process dies (the IPC channel closes).
 */
async function runInPinnedNode(entry, args) {
  const node = pinnedNode(root);
  if (node === undefined) {
    process.stderr.write(
      `redkite: Node ${process.version} cannot run Redkite on ${process.platform}-${process.arch}; install Node 24.12 or newer\n`,
    );
    process.exitCode = 1;
    return;
  }
  const { spawn } = await import("node:child_process");
  const self = path.join(root, "scripts", "with-setup.mjs");
  const child = spawn(node, [self, entry, ...args], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    detached: true,
  });
  swallowRepeatedSignals();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`redkite: cannot start ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/**
 * A ctrl-C under npm comes twice: from the terminal to the whole process group, and from npm, which passes its own copy on.
 * The server would take the second for "end at once".
 */
function swallowRepeatedSignals() {
  const last = new Map();
  const emit = process.emit;
  process.emit = function (event, ...rest) {
    if (event === "SIGINT" || event === "SIGTERM" || event === "SIGHUP") {
      const now = performance.now();
      if (now - (last.get(event) ?? -Infinity) < sameSignalMs) return true;
      last.set(event, now);
    }
    return emit.call(this, event, ...rest);
  };
}

function stopWithParent() {
  if (process.channel === undefined) return;
  process.channel.unref();
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
}
