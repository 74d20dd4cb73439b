import type { VectorKind } from "./vectors.ts";

/** A type of index as users name it. Every served type has a line in one of the tables. */
export interface SimIndexType {
  readonly name: string;
  readonly params: Readonly<Record<string, string>>;
}

/** What an answer that comes from one must be like. */
export interface VectorIndexType extends SimIndexType {
  readonly on: readonly VectorKind[];
  /** Undefined: it scans the column. */
  readonly file: "built" | undefined;
  /** What a search as wide as `WIDEST` finds: the nearest, or k rows of which some may be further away. A narrow one finds the latter. */
  readonly finds: "nearest" | "some";
  /** How far a score may be from that of the row; 0 where scores come from the rows. Copies of less precision hold small whole numbers, but not rows of unit length. */
  readonly scoreErrorMax: number;
}

const graph = { M: "8", efConstruction: "40" };
const lists = { nlist: "4" };
const exact = { file: "built", finds: "nearest", scoreErrorMax: 0 } as const;

export const VECTOR_INDEXES: readonly VectorIndexType[] = [
  { name: "FLAT", on: ["float", "binary", "minhash", "sparse"], params: {}, ...exact, file: undefined },
  { name: "BIN_FLAT", on: ["binary"], params: {}, ...exact, file: undefined },
  { name: "AUTOINDEX", on: ["float", "binary", "sparse"], params: {}, ...exact },
  { name: "HNSW", on: ["float", "binary"], params: graph, ...exact },
  {
    name: "HNSW_SQ",
    on: ["float"],
    params: { ...graph, sq_type: "SQ8", refine: "true" },
    ...exact,
  },
  {
    name: "HNSW_PQ",
    on: ["float"],
    params: { ...graph, m: "2", nbits: "4", refine: "true", refine_type: "FP16" },
    ...exact,
    finds: "some",
    scoreErrorMax: 0.001,
  },
  {
    name: "HNSW_PRQ",
    on: ["float"],
    params: { ...graph, m: "2", nbits: "4", nrq: "2", refine: "true", refine_type: "BF16" },
    ...exact,
    finds: "some",
    scoreErrorMax: 0.01,
  },
  { name: "IVF_FLAT", on: ["float"], params: lists, ...exact },
  { name: "IVF_SQ8", on: ["float"], params: lists, ...exact, finds: "some", scoreErrorMax: 6 },
  {
    name: "IVF_PQ",
    on: ["float"],
    params: { ...lists, m: "2", nbits: "4" },
    ...exact,
    finds: "some",
    scoreErrorMax: 400,
  },
  { name: "IVF_RABITQ", on: ["float"], params: { ...lists, refine: "true" }, ...exact },
  { name: "SCANN", on: ["float"], params: { ...lists, with_raw_data: "true" }, ...exact },
  { name: "DISKANN", on: ["float"], params: { max_degree: "8", search_list_size: "16" }, ...exact },
  { name: "BIN_IVF_FLAT", on: ["binary"], params: lists, ...exact },
  { name: "MINHASH_LSH", on: ["minhash"], params: { mh_lsh_band: "4" }, ...exact },
  { name: "SPARSE_INVERTED_INDEX", on: ["sparse"], params: {}, ...exact },
  { name: "SPARSE_WAND", on: ["sparse"], params: {}, ...exact },
];

/** Wider than any segment of a run has rows or lists, for every type at once: one that has just been replaced is searched as widely. */
export const WIDEST: Readonly<Record<string, number>> = {
  ef: 4_096,
  nprobe: 64,
  reorder_k: 4_096,
  refine_k: 4_096,
  search_list: 4_096,
};

/** By the field that it is on. All of them are exact. */
export const SCALAR_INDEXES: Readonly<Record<"age" | "tag", readonly SimIndexType[]>> = {
  age: scalar("STL_SORT", "INVERTED", "BITMAP", "AUTOINDEX"),
  tag: scalar("STL_SORT", "INVERTED", "BITMAP", "TRIE", "AUTOINDEX"),
};

/** What must become of indexes in a run of seeds, as `type event`. A scalar index is called by its type as well. */
export const INDEX_EVENTS: readonly string[] = [
  ...VECTOR_INDEXES.flatMap(({ name, file }) => (file === undefined ? [`${name} searched`] : eventsOf(name))),
  ...new Set(
    Object.values(SCALAR_INDEXES)
      .flat()
      .flatMap(({ name }) => eventsOf(`${name} on scalars`)),
  ),
];

function scalar(...names: readonly string[]): readonly SimIndexType[] {
  return names.map((name) => ({ name, params: {} }));
}

function eventsOf(name: string): readonly string[] {
  return ["built", "swapped", "damaged", "missing", "built anew", "searched"].map(
    (event) => `${name} ${event}`,
  );
}
