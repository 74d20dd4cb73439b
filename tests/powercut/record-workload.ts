import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { Prng } from "../../src/base/prng.ts";
import { DiskModel } from "./disk-model.ts";
import { encodeNote, NEW_PROCESS, readRecord, type FileCall } from "./read-record.ts";
import { startServer, type CutServer } from "./server.ts";
import { Workload } from "./workload.ts";
import { difference } from "./write-image.ts";

/** Everything that a workload did to its folder, and what its clients saw. */
export interface RecordedWorkload {
  readonly root: { readonly path: string; readonly inode: number };
  readonly dataDir: string;
  readonly calls: readonly FileCall[];
}

export interface RecordOptions {
  /** An empty folder for everything. */
  readonly home: string;
  readonly seed: number;
  /** `off`: the recorder turns fsync and fdatasync into nothing. */
  readonly sync: "on" | "off";
  /** A phase lasts at least so long, and until so many requests were acknowledged in it: a busy machine takes its time. */
  readonly secondsPerPhase: number;
  readonly acknowledgedPerPhase: number;
  readonly settings: readonly string[];
}

/**
 * Runs the workload against a real server in two phases: the first ends with SIGKILL, the second in order. Verifies that the record is
 * complete: played back, it must give the folder as it is.
 */
export async function recordWorkload(options: RecordOptions): Promise<RecordedWorkload> {
  const { home, sync, settings } = options;
  const root = path.join(home, "disk");
  mkdirSync(root, { recursive: true });
  const dataDir = path.join(root, "data");
  const log = path.join(home, "record");
  const env = {
    LD_PRELOAD: buildRecorder(home),
    RK_RECORD_ROOT: root,
    RK_RECORD_LOG: log,
    // Calls through the kernel's ring would pass by the recorder.
    UV_USE_IO_URING: "0",
    ...(sync === "off" && { RK_RECORD_NO_SYNC: "1" }),
  };
  const file = openSync(log, "a");
  const note = (text: string): void => void writeSync(file, encodeNote(text));
  let acknowledged = 0;
  const workload = new Workload(Prng.fromSeed(options.seed), (value) => {
    if ("acknowledged" in value) acknowledged++;
    note(JSON.stringify(value));
  });
  try {
    for (const end of ["server dies", "server lives"] as const) {
      note(NEW_PROCESS);
      const server = await startServer(dataDir, { settings, env });
      if (end === "server dies") await workload.prepare(server.address);
      const enough = acknowledged + options.acknowledgedPerPhase;
      const over = phaseOver(options.secondsPerPhase * 1000, () => acknowledged >= enough);
      const killed =
        end === "server dies" ? over.then(async () => killBetweenCalls(server, `${log}.kill`)) : over;
      try {
        await workload.run(server.address, over, end);
      } catch (error) {
        throw new Error(`the workload failed: ${String(error)}\n${server.output()}`, { cause: error });
      } finally {
        await killed;
        await server.stop();
      }
    }
  } finally {
    closeSync(file);
  }
  const recorded = { root: { path: root, inode: statSync(root).ino }, dataDir, calls: readRecord(log) };
  verifyComplete(recorded);
  return recorded;
}

async function phaseOver(leastMs: number, hasEnough: () => boolean): Promise<void> {
  const started = performance.now();
  const tookMs = (): number => performance.now() - started;
  while (tookMs() < leastMs || (!hasEnough() && tookMs() < PHASE_MS_MAX))
    await new Promise((resolve) => setTimeout(resolve, 50));
}

const PHASE_MS_MAX = 120_000;

/** The recorder sees to it; a server under load makes calls all the time. */
async function killBetweenCalls(server: CutServer, file: string): Promise<void> {
  writeFileSync(file, "");
  const late = setTimeout(() => void server.kill(), DIES_MS_MAX);
  await server.ended;
  clearTimeout(late);
  rmSync(file);
}

const DIES_MS_MAX = 20_000;

function verifyComplete({ root, calls }: RecordedWorkload): void {
  const model = new DiskModel(root);
  for (const call of calls) model.apply(call);
  const gap = difference(model.current(), root.path);
  if (gap !== undefined) throw new Error(`the record is not complete: ${gap}`);
}

function buildRecorder(home: string): string {
  const library = path.join(home, "recorder.so");
  const source = path.join(import.meta.dirname, "recorder.c");
  execFileSync("g++", ["-x", "c", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lpthread"]);
  return library;
}
