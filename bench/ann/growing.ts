import { runProgram } from "../../tests/e2e/support/run-program.ts";
import type { BuildCost } from "./contestant.ts";
import type { Task } from "./peers.ts";

/** What engine/bench/growing-bench.cc says of each part of the rows. */
export interface GrowingPart {
  readonly from: number;
  readonly rows: number;
  readonly ef: number;
  readonly add_cpu_s: number;
  readonly searches: number;
  /** Of searches beside the adding thread, over the rows that there were when each began. */
  readonly recall: number;
  readonly search_us: number;
  readonly alone_before_us: number;
  readonly alone_after_us: number;
  /** A finished HNSW over as many rows, measured at the half and at the end. */
  readonly finished_us?: number;
  readonly finished_recall?: number;
  readonly bytes: number;
}

/** A segment takes all rows from one thread while another searches it. */
export async function growSegment(program: string, task: Task): Promise<readonly GrowingPart[]> {
  const { base, queries, metric } = task;
  const command = [program, "--base", base, "--queries", queries, "--metric", metric];
  const { code, stdout, stderr } = await runProgram(command, { timeoutMs: 3_600_000 });
  if (code !== 0) throw new Error(`the segment could not grow:\n${stderr.slice(-3000)}`);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as GrowingPart);
}

export function growingLine(part: GrowingPart): string {
  const { rows, from, recall, search_us, alone_before_us, alone_after_us, finished_us, finished_recall } =
    part;
  const perSecond = ((rows - from) / part.add_cpu_s).toFixed(0);
  // The first part begins without rows: searches of none say nothing.
  const alone = alone_before_us === 0 ? alone_after_us : (alone_before_us + alone_after_us) / 2;
  const finished =
    finished_us === undefined || finished_recall === undefined
      ? ""
      : `, ${(search_us / finished_us).toFixed(2)} x a finished HNSW's ${finished_us.toFixed(1)} (recall ${finished_recall.toFixed(4)})`;
  return (
    `${String(rows).padStart(9)} rows: ${perSecond.padStart(7)} adds per CPU s; recall ${recall.toFixed(4)}, ${search_us.toFixed(1)} us of CPU a search: ` +
    `${(search_us / alone).toFixed(2)} x that without adds${finished}`
  );
}

/** Adds per CPU second beside those of another library, which had nobody searching. */
export function addsLine(parts: readonly GrowingPart[], peer: BuildCost, rows: number): string {
  const seconds = parts.reduce((sum, part) => sum + part.add_cpu_s, 0);
  const other = rows / peer.build_cpu_s;
  return `adds: ${(rows / seconds).toFixed(0)} per CPU s, ${(peer.build_cpu_s / seconds).toFixed(2)} x hnswlib (${other.toFixed(0)})`;
}
