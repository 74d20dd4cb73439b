/**
 * The engine beside other libraries: `npm run bench:ann -- [--data FOLDER | --generate ROWSxDIM | --base F [--queries F] [--truth F]]
 * [--metric cosine|l2|ip] [--index HNSW,...] [--peers hnswlib,faiss,usearch,scann] [--threads N] [--filters SHARE,...] [--growing] [--json OUT]`
 *
 * Every contestant is a process that builds its index and then waits. Widths are chosen for each so that its curve has at least eight points
 * from recall 0.90 to 0.999; then all are measured five times, taking turns, and the best CPU time of each point counts. Only one
 * process works at a time. With `--filters 0.5,0.1,0.01,0.001` it is the HNSW index under filters instead, beside its own scan and faiss; with
 * `--growing` a segment that takes all rows from one thread while another searches, its adds beside hnswlib's. Files are .npy (float32, float16;
 * truth int32), .fvecs/.ivecs or .hdf5.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { pythonEnvironment } from "../tests/e2e/support/client-environments.ts";
import { root } from "../tests/e2e/support/server.ts";
import { Contestant, readIds, type ContestantSpec } from "./ann/contestant.ts";
import { curvesSvg } from "./ann/curves-svg.ts";
import {
  filterLine,
  measureFilters,
  prepareFilters,
  type FilterResult,
  type FilterTask,
} from "./ann/filters.ts";
import { addsLine, growingLine, growSegment } from "./ann/growing.ts";
import { npyShape, readNpyInts } from "./ann/npy.ts";
import { INDEXES, PACKAGES, PEERS, peerSpecs, redkiteSpec } from "./ann/peers.ts";
import { K, prepareData, type DataSource } from "./ann/prepare-data.ts";
import { chooseWidths, recallOf, speedAt } from "./ann/sweep.ts";
import { dataFolder, engineProgram, printHeader } from "./support.ts";

const TURNS = 5;

const options = {
  data: { type: "string" },
  generate: { type: "string" },
  base: { type: "string" },
  queries: { type: "string" },
  truth: { type: "string" },
  metric: { type: "string" },
  index: { type: "string", default: "HNSW" },
  peers: { type: "string", default: PEERS.join(",") },
  threads: { type: "string", default: "1" },
  turns: { type: "string", default: String(TURNS) },
  filters: { type: "string" },
  growing: { type: "boolean", default: false },
  json: { type: "string" },
} as const;

/** One point of one contestant: an entry of `runs` in the JSON output. */
interface Run {
  readonly library: string;
  readonly index: string;
  readonly params: string;
  readonly recall: number;
  readonly queries_per_cpu_s: number;
  readonly build_cpu_s: number;
  readonly build_s: number;
  readonly bytes: number;
  readonly resident_bytes: number;
  readonly peak_bytes: number;
  readonly distances?: number;
  readonly bytes_read?: number;
}

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options });
  const indexes = chosen("--index", values.index, INDEXES);
  const peers = chosen("--peers", values.peers, PEERS);
  const threads = Number(values.threads);
  if (!Number.isInteger(threads) || threads < 1)
    throw new Error(`--threads is ${values.threads}, not a whole number`);
  const made = await pythonEnvironment(PACKAGES);
  if (made.kind === "missing") throw new Error(`this bench needs Python: ${made.why}`);
  const python = made.command[0] ?? "";
  const program = await engineProgram("ann-bench");

  const source = sourceOf(values);
  printHeader("Vector indexes beside other libraries", `${source.name}, ${source.metric}`);
  const folder = await prepareData(python, source);
  const file = (name: string) => path.join(folder, `${name}.npy`);
  const [rows, dim] = await npyShape(file("base"));
  const truth = await readNpyInts(file("truth"));
  const task = { base: file("base"), queries: file("queries"), metric: source.metric, threads, rows, dim };
  if (values.filters !== undefined) {
    const shares = values.filters.split(",").map(Number);
    if (!shares.every((share) => share > 0 && share <= 1)) throw new Error(`--filters is ${values.filters}`);
    await prepareFilters(python, folder, source.metric, K, shares);
    const beside = peers.includes("faiss") ? peerSpecs(python, "faiss", ["HNSW"], task) : [];
    const faiss = beside.find(({ index }) => index === "HNSW");
    const common = { folder, shares, rows, k: K, turns: Number(values.turns) };
    const results = await runFilters(redkiteSpec(program, "HNSW", task), faiss, common, truth);
    for (const result of results) console.log(filterLine(result));
    if (values.json !== undefined)
      await writeFile(values.json, `${JSON.stringify({ filters: results }, undefined, 1)}\n`);
    return 0;
  }
  if (values.growing) {
    const parts = await growSegment(await engineProgram("growing-bench"), task);
    for (const part of parts) console.log(growingLine(part));
    for (const spec of peerSpecs(python, "hnswlib", ["HNSW"], task)) {
      await using hnswlib = await Contestant.start(spec);
      console.log(addsLine(parts, hnswlib.built, rows));
    }
    if (values.json !== undefined)
      await writeFile(values.json, `${JSON.stringify({ growing: parts }, undefined, 1)}\n`);
    return 0;
  }
  const specs = [
    ...indexes.map((index) => redkiteSpec(program, index, task)),
    ...peers.flatMap((peer) => peerSpecs(python, peer, indexes, task)),
  ];
  const runs = await measureAll(specs, truth, Number(values.turns));

  printSummary(runs);
  const json = path.resolve(values.json ?? path.join(root, ".cache", "ann", "runs.json"));
  const picture = json.replace(/(\.json)?$/, ".svg");
  await mkdir(path.dirname(json), { recursive: true });
  await writeFile(json, `${JSON.stringify({ runs }, undefined, 1)}\n`);
  await writeFile(
    picture,
    curvesSvg(
      `${source.name}, ${rows} x ${dim}, ${source.metric}, recall@${K}, ${threads} thread(s)`,
      curvesOf(runs),
    ),
  );
  console.log(`\n${json}\n${picture}`);
  return 0;
}

function chosen<T extends string>(option: string, text: string, known: readonly T[]): readonly T[] {
  return text
    .split(",")
    .filter((name) => name !== "")
    .map((name) => {
      const found = known.find((candidate) => candidate === name);
      if (found === undefined) throw new Error(`${option}: ${name} is none of ${known.join(", ")}`);
      return found;
    });
}

interface Source extends DataSource {
  readonly name: string;
}

function sourceOf(
  values: Partial<Record<"data" | "generate" | "base" | "queries" | "truth" | "metric", string>>,
): Source {
  if (values.generate !== undefined) {
    const name = `generated ${values.generate}`;
    return { name, metric: values.metric ?? "l2", args: ["--generate", values.generate], files: [] };
  }
  const given = values.base === undefined ? folderFiles(dataFolder(values.data)) : values;
  const pairs = (["base", "queries", "truth"] as const).flatMap((name) => {
    const file = given[name];
    return file === undefined ? [] : [[`--${name}`, path.resolve(file)] as const];
  });
  return {
    name: path.basename(path.dirname(path.resolve(given.base ?? ""))),
    metric: values.metric ?? "cosine",
    args: pairs.flat(),
    files: pairs.map(([, file]) => file),
  };
}

function folderFiles(folder: string) {
  const file = (name: string) => path.join(folder, name);
  const truth = file("truth.all.i32.npy");
  return {
    base: file("base.f16.npy"),
    queries: file("queries.f16.npy"),
    ...(existsSync(truth) ? { truth } : {}),
  };
}

async function runFilters(
  redkite: ContestantSpec,
  faiss: ContestantSpec | undefined,
  task: Omit<FilterTask, "redkite" | "faiss" | "scratch">,
  truth: Int32Array,
): Promise<readonly FilterResult[]> {
  const scratch = await mkdtemp(path.join(tmpdir(), "redkite-ann-"));
  await using contestants = new AsyncDisposableStack();
  contestants.defer(() => rm(scratch, { recursive: true }));
  const start = async (spec: ContestantSpec) => contestants.use(await Contestant.start(spec));
  const own = await start(redkite);
  const other = faiss && (await start(faiss));
  // Awaited here: the contestants end with this function.
  return await measureFilters({ ...task, scratch, redkite: own, faiss: other }, truth);
}

async function measureAll(
  specs: readonly ContestantSpec[],
  truth: Int32Array,
  turns: number,
): Promise<readonly Run[]> {
  const scratch = await mkdtemp(path.join(tmpdir(), "redkite-ann-"));
  const ids = path.join(scratch, "ids.bin");
  await using contestants = new AsyncDisposableStack();
  const entries: {
    readonly contestant: Contestant;
    readonly points: {
      width: number;
      recall: number;
      best: number;
      distances?: number;
      bytesRead?: number;
    }[];
  }[] = [];
  for (const spec of specs) {
    const contestant = contestants.use(await Contestant.start(spec));
    const { built } = contestant;
    console.log(
      `${spec.library} ${spec.index} (${spec.params}): built in ${built.build_cpu_s.toFixed(1)} CPU s, ${built.build_s.toFixed(1)} s; ` +
        `${mb(built.bytes)} MB, at most ${mb(built.peak_bytes)} MB`,
    );
    const points = await chooseWidths(spec.bounds, async (width) => {
      await contestant.measure(width, K, ids);
      return recallOf(await readIds(ids), truth, K);
    });
    entries.push({
      contestant,
      points: points.map((point) => ({ ...point, best: Number.POSITIVE_INFINITY })),
    });
  }
  const most = Math.max(...entries.map(({ points }) => points.length));
  for (let turn = 0; turn < turns; turn++) {
    for (let i = 0; i < most; i++) {
      for (const { contestant, points } of entries) {
        const point = points[i];
        if (point === undefined) continue;
        const measured = await contestant.measure(point.width, K, ids);
        point.best = Math.min(point.best, measured.cpu_s);
        if (measured.distances !== undefined) point.distances = measured.distances;
        if (measured.bytes_read !== undefined) point.bytesRead = measured.bytes_read;
      }
    }
  }
  await rm(scratch, { recursive: true });
  return entries.flatMap(({ contestant: { spec, built }, points }) =>
    points.map(({ width, recall, best, distances, bytesRead }) => ({
      library: spec.library,
      index: spec.index,
      params: [spec.params, spec.knob === "none" ? "" : `${spec.knob} ${width}`]
        .filter((text) => text !== "")
        .join(", "),
      recall,
      queries_per_cpu_s: built.queries / best,
      build_cpu_s: built.build_cpu_s,
      build_s: built.build_s,
      bytes: built.bytes,
      resident_bytes: built.resident_bytes,
      peak_bytes: built.peak_bytes,
      ...(distances === undefined ? {} : { distances }),
      ...(bytesRead === undefined ? {} : { bytes_read: bytesRead }),
    })),
  );
}

const mb = (bytes: number): string => (bytes / 1e6).toFixed(0);

function curvesOf(runs: readonly Run[]) {
  const names = [...new Set(runs.map(({ library, index }) => `${library} ${index}`))];
  return names.map((name) => ({
    name,
    points: runs
      .filter(({ library, index }) => `${library} ${index}` === name)
      .map(({ recall, queries_per_cpu_s }) => ({ recall, speed: queries_per_cpu_s })),
  }));
}

/** Every point, then speeds at four recalls and memory, each beside hnswlib's. */
function printSummary(runs: readonly Run[]): void {
  console.log("");
  for (const run of runs) {
    const work =
      run.distances === undefined
        ? ""
        : `  ${run.distances.toFixed(0)} distances, ${((run.bytes_read ?? 0) / 1024).toFixed(0)} KB a query`;
    console.log(
      `${`${run.library} ${run.index}`.padEnd(24)} recall ${run.recall.toFixed(4)} ` +
        `${run.queries_per_cpu_s.toFixed(0).padStart(8)} queries per CPU s  ${run.params}${work}`,
    );
  }
  const recalls = [0.9, 0.95, 0.99, 0.999];
  const curves = curvesOf(runs);
  const base = curves.find(({ name }) => name === "hnswlib HNSW");
  console.log(`\nqueries per CPU s at recall ${recalls.join(", ")} (times hnswlib)`);
  for (const { name, points } of curves) {
    const cells = recalls.map((recall) => {
      const speed = speedAt(points, recall);
      const beside = base && speedAt(base.points, recall);
      const ratio = speed === undefined || beside === undefined ? "" : ` (${(speed / beside).toFixed(2)})`;
      return `${speed === undefined ? "-" : speed.toFixed(0)}${ratio}`.padStart(16);
    });
    console.log(`${name.padEnd(24)}${cells.join("")}`);
  }
  printMemory(runs);
}

/** What searching needs, beside hnswlib's file and what its process holds for it. */
function printMemory(runs: readonly Run[]): void {
  const first = new Map(runs.toReversed().map((run) => [`${run.library} ${run.index}`, run]));
  const base = first.get("hnswlib HNSW");
  console.log("\nMB (times hnswlib's file, times hnswlib's memory), highest recall");
  for (const [name, { bytes }] of [...first].toReversed()) {
    const beside =
      base && ` (${(bytes / base.bytes).toFixed(3)}, ${(bytes / base.resident_bytes).toFixed(3)})`;
    const recalls = runs.filter((run) => `${run.library} ${run.index}` === name).map(({ recall }) => recall);
    console.log(
      `${name.padEnd(24)}${mb(bytes).padStart(8)}${beside ?? ""}  ${Math.max(...recalls).toFixed(4)}`,
    );
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
