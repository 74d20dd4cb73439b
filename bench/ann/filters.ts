import { existsSync } from "node:fs";
import path from "node:path";
import { runProgram } from "../../tests/e2e/support/run-program.ts";
import { root } from "../../tests/e2e/support/server.ts";
import { readIds, type Contestant } from "./contestant.ts";
import { readNpyInts } from "./npy.ts";
import { recallOf } from "./sweep.ts";

/** The recall that the unfiltered search is set to. */
const RECALL = 0.95;
/** Beyond it a query of faiss takes as long as comparing everything. */
const FAISS_EF_MAX = 1000;
const KINDS = ["random", "near", "far"] as const;

export interface FilterTask {
  readonly redkite: Contestant;
  /** faiss HNSW, if it takes part. */
  readonly faiss: Contestant | undefined;
  /** What ann_filters.py made, and where ids may be written. */
  readonly folder: string;
  readonly scratch: string;
  readonly shares: readonly number[];
  readonly rows: number;
  readonly k: number;
  readonly turns: number;
}

/** One filter: queries per CPU second of the graph at the unfiltered ef, and of what it is compared with. */
export interface FilterResult {
  readonly kind: (typeof KINDS)[number];
  readonly share: number;
  readonly ef: number;
  readonly recall: number;
  readonly speed: number;
  readonly unfilteredSpeed: number;
  /** All matching rows by 8-bit codes, the best ranked again. */
  readonly scanSpeed: number;
  /** At least the same recall; undefined where it does not get there. */
  readonly faiss: { readonly ef: number; readonly recall: number; readonly speed: number } | undefined;
}

/** The masks and their exact answers beside the data, made once. */
export async function prepareFilters(
  python: string,
  folder: string,
  metric: string,
  k: number,
  shares: readonly number[],
): Promise<void> {
  const made = (kind: string, share: number) => existsSync(path.join(folder, `${kind}-${share}.truth.npy`));
  if (KINDS.every((kind) => shares.every((share) => made(kind, share)))) return;
  const program = path.join(root, "bench", "programs", "ann_filters.py");
  const command = [python, program, folder, metric, String(k), shares.join(",")];
  const result = await runProgram(command, { timeoutMs: 3_600_000 });
  if (result.code !== 0) throw new Error(`the filters could not be made:\n${result.stderr.slice(-3000)}`);
}

/** Sets the graph to an unfiltered recall of 0.95 and measures it under every filter with that ef, contestants taking turns. */
export async function measureFilters(task: FilterTask, truth: Int32Array): Promise<readonly FilterResult[]> {
  const { redkite, shares, rows } = task;
  const ids = path.join(task.scratch, "filtered-ids.bin");
  const recallWith = async (contestant: Contestant, ef: number, wanted: Int32Array, masks?: string) => {
    await contestant.measure(ef, task.k, ids, masks);
    return recallOf(await readIds(ids), wanted, task.k);
  };
  const ef = await smallestWidth(10, 5000, async (width) => recallWith(redkite, width, truth), RECALL);
  if (ef === undefined) throw new Error(`no ef reaches recall ${RECALL}`);
  const results: FilterResult[] = [];
  for (const share of shares) {
    for (const kind of KINDS) {
      const masks = path.join(task.folder, `${kind}-${share}.masks`);
      const wanted = await readNpyInts(path.join(task.folder, `${kind}-${share}.truth.npy`));
      const recall = await recallWith(redkite, ef, wanted, masks);
      const { faiss } = task;
      const goal = Math.min(recall, 0.999);
      const faissEf =
        faiss &&
        (await smallestWidth(
          10,
          FAISS_EF_MAX,
          async (width) => recallWith(faiss, width, wanted, masks),
          goal,
        ));
      const faissRecall =
        faiss === undefined || faissEf === undefined ? 0 : await recallWith(faiss, faissEf, wanted, masks);
      const fastest = { unfiltered: 0, filtered: 0, scan: 0, faiss: 0 };
      const run = async (
        name: keyof typeof fastest,
        contestant: Contestant,
        width: number,
        seen?: string,
      ) => {
        const { cpu_s } = await contestant.measure(width, task.k, ids, seen);
        fastest[name] = Math.max(fastest[name], contestant.built.queries / cpu_s);
      };
      for (let turn = 0; turn < task.turns; turn++) {
        await run("unfiltered", redkite, ef);
        await run("filtered", redkite, ef, masks);
        // As wide as the index: nothing but comparing all is cheaper.
        await run("scan", redkite, rows, masks);
        if (faiss !== undefined && faissEf !== undefined) await run("faiss", faiss, faissEf, masks);
      }
      results.push({
        kind,
        share,
        ef,
        recall,
        speed: fastest.filtered,
        unfilteredSpeed: fastest.unfiltered,
        scanSpeed: fastest.scan,
        faiss: faissEf === undefined ? undefined : { ef: faissEf, recall: faissRecall, speed: fastest.faiss },
      });
    }
  }
  return results;
}

/** By doubling, then halving; undefined when `most` does not reach the recall either. */
export async function smallestWidth(
  start: number,
  most: number,
  recallAt: (width: number) => Promise<number>,
  recall: number,
): Promise<number | undefined> {
  let low = start - 1;
  let high = start;
  while ((await recallAt(high)) < recall) {
    if (high === most) return undefined;
    low = high;
    high = Math.min(most, high * 2);
  }
  while (high - low > Math.max(1, low >> 4)) {
    const middle = (low + high) >> 1;
    if ((await recallAt(middle)) < recall) low = middle;
    else high = middle;
  }
  return high;
}

export function filterLine(result: FilterResult): string {
  const { kind, share, ef, recall, speed, unfilteredSpeed, scanSpeed, faiss } = result;
  const times = (other: number) => (speed / other).toFixed(2).padStart(6);
  const beside =
    faiss === undefined
      ? "     - faiss HNSW"
      : `${times(faiss.speed)} x faiss HNSW (ef ${faiss.ef}, recall ${faiss.recall.toFixed(4)})`;
  return (
    `${`${share * 100} %`.padStart(6)} ${kind.padEnd(7)} ef ${ef} recall ${recall.toFixed(4)} ${speed.toFixed(0).padStart(8)} queries per CPU s: ` +
    `${times(unfilteredSpeed)} x unfiltered, ${times(scanSpeed)} x scan, ${beside}`
  );
}
