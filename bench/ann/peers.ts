import path from "node:path";
import { root } from "../../tests/e2e/support/server.ts";
import type { ContestantSpec } from "./contestant.ts";

/** What every contestant is built with and asked. */
export interface Task {
  readonly base: string;
  readonly queries: string;
  readonly metric: string;
  readonly threads: number;
  readonly rows: number;
  readonly dim: number;
}

export const PEERS = ["hnswlib", "faiss", "usearch", "scann"] as const;
export const INDEXES = [
  "FLAT",
  "HNSW",
  "HNSW_SQ",
  "HNSW_SQ_F16",
  "HNSW_PQ",
  "IVF_FLAT",
  "IVF_SQ8",
  "IVF_PQ",
  "IVF_RABITQ",
  "SCANN",
] as const;

/** PyPI's packages of the peers and what their environment needs besides. hnswlib is compiled with -march=native. */
export const PACKAGES: readonly string[] = [
  "numpy==2.4.6",
  "setuptools==80.9.0",
  "hnswlib==0.8.0",
  "faiss-cpu==1.15.1",
  "usearch==2.26.6",
  "scann==1.4.2",
  "h5py==3.16.0",
];

const M = 16;
const EFC = 200;

/** Redkite's own library, without Node. */
export function redkiteSpec(program: string, index: string, task: Task): ContestantSpec {
  const shape = shapeOf(index, task);
  const args = Object.entries(shape.numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { base, queries, metric, threads } = task;
  const common = ["--base", base, "--queries", queries, "--metric", metric, "--threads", String(threads)];
  return {
    ...specOf("redkite", index, shape),
    command: [program, ...common, "--index", index, ...args],
  };
}

/** What a peer takes part with: the graph and list indexes that compete with all of ours, and its form of those asked for. */
export function peerSpecs(
  python: string,
  peer: (typeof PEERS)[number],
  indexes: readonly string[],
  task: Task,
): readonly ContestantSpec[] {
  const program = path.join(root, "bench", "programs", "ann_peer.py");
  return peerIndexes(peer, indexes).map((index) => {
    const shape = shapeOf(index, task);
    const numbers = Object.entries(shape.numbers).map(([name, value]) => `${name}=${value}`);
    const { base, queries, metric, threads } = task;
    return {
      ...specOf(peer, index, shape),
      command: [python, program, peer, index, metric, String(threads), base, queries, ...numbers],
      env: { OMP_NUM_THREADS: String(threads) },
    };
  });
}

function peerIndexes(peer: (typeof PEERS)[number], indexes: readonly string[]): readonly string[] {
  switch (peer) {
    case "hnswlib":
      return ["HNSW"];
    case "usearch":
      return ["HNSW_F16", "HNSW_I8"];
    case "scann":
      return ["TREE_AH"];
    case "faiss": {
      const graphs = indexes.some((index) => index.startsWith("HNSW"));
      const same = ["FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_PQ"].filter((index) => indexes.includes(index));
      return [...(graphs ? ["HNSW", "HNSW_SQ8"] : []), "IVF_PQ_FASTSCAN", ...same];
    }
  }
}

interface Shape {
  readonly numbers: Readonly<Record<string, number>>;
  readonly knob: string;
  readonly start: number;
  readonly most: number;
}

function shapeOf(index: string, { rows, dim }: Task): Shape {
  if (index === "FLAT") return { numbers: {}, knob: "none", start: 1, most: 1 };
  const nlist = Math.min(65_536, Math.max(16, 2 ** Math.round(Math.log2(3 * Math.sqrt(rows)))));
  if (index.startsWith("HNSW")) {
    const products = index === "HNSW_PQ" ? { subs: divisorNear(dim, dim / 4), nbits: 8 } : {};
    return { numbers: { m: M, efc: EFC, ...products }, knob: "ef", start: 10, most: 5000 };
  }
  if (index === "TREE_AH") return { numbers: {}, knob: "leaves_to_search", start: 2, most: nlist };
  const products = index === "IVF_PQ" ? { subs: divisorNear(dim, dim / 4), nbits: 8 } : {};
  return { numbers: { nlist, ...products }, knob: "nprobe", start: 1, most: nlist };
}

function specOf(library: string, index: string, { numbers, knob, start, most }: Shape) {
  const params = Object.entries(numbers)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
  return { library, index, params, knob, bounds: { start, most } };
}

/** The largest divisor that is not above what is wanted. */
function divisorNear(dim: number, wanted: number): number {
  for (let divisor = Math.max(1, Math.floor(wanted)); ; divisor--) if (dim % divisor === 0) return divisor;
}
