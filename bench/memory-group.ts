import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** A control group that holds programs, their page cache counted, within so much memory. */
export interface MemoryGroup {
  /** The command that runs `command` inside. */
  wrap(command: readonly string[]): readonly string[];
  /** The most that was ever used, page cache included. */
  peakBytes(): number;
  /** Once nothing runs in it any more. */
  remove(): void;
}

/** Undefined where this process may not make one. Both kinds of control groups are known. */
export function memoryGroup(name: string, bytes: number): MemoryGroup | undefined {
  const first = existsSync("/sys/fs/cgroup/memory");
  const folder = path.join(first ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup", `${name}-${process.pid}`);
  try {
    mkdirSync(folder);
  } catch {
    // Not allowed, or there are no control groups.
    return undefined;
  }
  const group: MemoryGroup = {
    wrap: (command) => ["sh", "-c", `echo $$ > ${folder}/cgroup.procs && exec "$@"`, "sh", ...command],
    peakBytes: () =>
      Number(
        readFileSync(path.join(folder, first ? "memory.max_usage_in_bytes" : "memory.peak"), "utf8").trim(),
      ),
    remove: () => rmdirSync(folder),
  };
  try {
    writeFileSync(path.join(folder, first ? "memory.limit_in_bytes" : "memory.max"), String(bytes));
    return group;
  } catch {
    group.remove();
    return undefined;
  }
}
