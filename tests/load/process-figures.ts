import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";

export interface ProcessFigures {
  readonly rssMB: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly diskMB: number;
}

/** What a process holds, as Linux tells it, and what its data folder takes on disk. */
export async function measureProcess(pid: number, dataDir: string): Promise<ProcessFigures> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const figure = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return {
    rssMB: figure("VmRSS") / 1024,
    threads: figure("Threads"),
    descriptors: (await readdir(`/proc/${pid}/fd`)).length,
    diskMB: (await diskBytes(dataDir)) / 1024 / 1024,
  };
}

/** Seconds of processor time that all threads of a process have used. */
export async function processorSeconds(pid: number): Promise<number> {
  const line = await readFile(`/proc/${pid}/stat`, "utf8");
  const [, , , , , , , , , , , user = "0", system = "0"] = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return (Number(user) + Number(system)) / ticksPerSecond;
}

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Files and folders come and go while this counts; what has just gone takes nothing. */
async function diskBytes(folder: string): Promise<number> {
  let sum = 0;
  for (const entry of (await unlessGone(readdir(folder, { withFileTypes: true }))) ?? []) {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory()) sum += await diskBytes(at);
    else if (entry.isFile()) sum += ((await unlessGone(stat(at)))?.blocks ?? 0) * 512;
  }
  return sum;
}

async function unlessGone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
