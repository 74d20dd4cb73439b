import { dataTypeName } from "../../model/data-type.ts";

/** Where a kind of index file keeps what, and what its header says. Byte tables: docs/internals, the page of each kind. */
export interface IndexFormat {
  readonly title: string;
  readonly headerBytes: number;
  /** Where the checksum of all header bytes before it is; undefined for kinds without one. */
  readonly checksumAt: number | undefined;
  readonly describe: (header: DataView) => Readonly<Record<string, unknown>>;
  /** Checksums of 1 MiB blocks: of the bytes from the header to `at`, where they begin. */
  readonly blockChecksums?: (header: DataView) => number;
}

/** By the first four bytes of the file. */
export const INDEX_FORMATS: ReadonlyMap<string, IndexFormat> = new Map<string, IndexFormat>([
  ["RKKI", { title: "key index", headerBytes: 64, checksumAt: undefined, describe: keyHeader }],
  ["RKSI", { title: "scalar index", headerBytes: 64, checksumAt: undefined, describe: scalarHeader }],
  ["RKFL", { title: "FLAT index", headerBytes: 64, checksumAt: undefined, describe: flatHeader }],
  ["RKSP", { title: "sparse index", headerBytes: 128, checksumAt: 124, describe: sparseHeader }],
  [
    "RKHN",
    {
      title: "HNSW index",
      headerBytes: 256,
      checksumAt: 252,
      describe: hnswHeader,
      blockChecksums: (header) => u64(header, 112),
    },
  ],
  [
    "RKIV",
    {
      title: "IVF index",
      headerBytes: 256,
      checksumAt: 252,
      describe: ivfHeader,
      blockChecksums: (header) => u64(header, 128),
    },
  ],
  [
    "RKDA",
    {
      title: "DISKANN index",
      headerBytes: 256,
      checksumAt: 252,
      describe: diskHeader,
      blockChecksums: (header) => u64(header, 96),
    },
  ],
  [
    "RKMH",
    {
      title: "MINHASH_LSH index",
      headerBytes: 256,
      checksumAt: 252,
      describe: minHashHeader,
      blockChecksums: (header) => u64(header, 56),
    },
  ],
]);

function keyHeader(header: DataView) {
  return {
    keys: header.getUint8(6) === 0 ? "int64" : "varchar",
    rows: u32(header, 8),
    totalBytes: u64(header, 16),
  };
}

function scalarHeader(header: DataView) {
  return {
    kind: header.getUint8(6) === 0 ? "sorted" : "bitmap",
    type: dataTypeName(header.getUint8(7)),
    rows: u32(header, 8),
    entries: u32(header, 12),
    totalBytes: u64(header, 16),
  };
}

function flatHeader(header: DataView) {
  return { rows: u32(header, 8) };
}

function sparseHeader(header: DataView) {
  const counts = { rows: u32(header, 8), lists: u32(header, 12), postings: u64(header, 16) };
  const sections = offsets(header, 24, ["dimensions", "listStarts", "listBounds", "postings", "values"]);
  const totalBytes = u64(header, 64);
  if (header.getUint16(4, true) === 1) return { ...counts, sections, totalBytes };
  const metric = header.getUint8(6);
  return {
    metric: METRICS[metric] ?? `unknown ${metric}`,
    ...counts,
    ...(METRICS[metric] === "BM25" && termNumbers(header)),
    sections: { ...sections, ...offsets(header, 72, ["listPlaces", "lengths"]) },
    postingBytes: u64(header, 88),
    totalBytes,
  };
}

function termNumbers(header: DataView) {
  const names = ["k1", "b", "averageLength", "leastFrequency", "greatestFrequency", "greatestLength"];
  return Object.fromEntries(names.map((name, i) => [name, header.getFloat32(96 + i * 4, true)]));
}

function hnswHeader(header: DataView) {
  const levels = u32(header, 44);
  const codes = header.getUint8(52);
  return {
    ...vectorsOf(header, 6),
    dimension: u32(header, 8),
    rows: u32(header, 12),
    nodes: u32(header, 16),
    m: u32(header, 20),
    efConstruction: u32(header, 24),
    entryRow: u32(header, 28),
    seed: header.getBigUint64(32, true),
    upperNodes: u32(header, 40),
    levels,
    nodesByLevel: Array.from({ length: Math.min(levels, 31) }, (_, level) => u32(header, 128 + level * 4)),
    linkSlots: u32(header, 48),
    codes: GRAPH_CODES[codes] ?? `unknown ${codes}`,
    rankedAgainOn: REFINEMENTS[graphRefinement(header)] ?? `unknown ${header.getUint8(55)}`,
    ...(codes > 2 && { codeBits: header.getUint8(53), codeLevels: header.getUint8(54) }),
    codeStride: u32(header, 56),
    codeScale: header.getFloat32(60, true),
    sections: offsets(header, 64, [
      "upperRows",
      "upperLinks",
      "center",
      "biases",
      "codes",
      "links",
      "checksums",
    ]),
    totalBytes: u64(header, 120),
  };
}

/** The code kind says whether anything is ranked again, the byte behind its parts on which copy, if on one. */
function graphRefinement(header: DataView): number {
  const copy = header.getUint8(55);
  return copy > 0 ? copy : [2, 4].includes(header.getUint8(52)) ? 0 : 1;
}

function ivfHeader(header: DataView) {
  const kind = header.getUint8(6);
  return {
    kind: LIST_KINDS[kind] ?? `unknown ${kind}`,
    ...vectorsOf(header, 7),
    codeBits: header.getUint8(9),
    rankedAgainOn: REFINEMENTS[header.getUint8(10)] ?? `unknown ${header.getUint8(10)}`,
    dimension: u32(header, 12),
    rows: u32(header, 16),
    rowsIndexed: u32(header, 20),
    lists: u32(header, 24),
    subspaces: u32(header, 28),
    blocks: u32(header, 32),
    seed: header.getBigUint64(40, true),
    sections: offsets(header, 48, [
      "center",
      "centroids",
      "centroidCodes",
      "centroidFactors",
      "listStarts",
      "listSizes",
      "rowIds",
      "factors",
      "codes",
      "codebooks",
      "checksums",
    ]),
    ...(u64(header, 144) > 0 && { copyOfRows: u64(header, 144) }),
    totalBytes: u64(header, 136),
  };
}

function diskHeader(header: DataView) {
  return {
    ...vectorsOf(header, 6),
    dimension: u32(header, 8),
    rows: u32(header, 12),
    nodes: u32(header, 16),
    maxDegree: u32(header, 20),
    searchListSize: u32(header, 24),
    starts: u32(header, 28),
    codeBytes: u32(header, 32),
    blocks: u32(header, 36),
    blocksInMemory: u32(header, 40),
    blockBytes: u32(header, 44),
    nodesPerBlock: u32(header, 48),
    seed: header.getBigUint64(56, true),
    sections: offsets(header, 64, ["center", "codes", "places", "starts", "checksums", "blocks"]),
    totalBytes: u64(header, 112),
  };
}

function minHashHeader(header: DataView) {
  return {
    ...vectorsOf(header, 6),
    dimension: u32(header, 8),
    rows: u32(header, 12),
    rowsIndexed: u32(header, 16),
    elementBytes: u32(header, 20),
    bands: u32(header, 24),
    elementsOfBand: u32(header, 28),
    bucketBits: u32(header, 32),
    sections: offsets(header, 40, ["starts", "entries", "checksums"]),
    totalBytes: u64(header, 64),
  };
}

function vectorsOf(header: DataView, at: number) {
  const type = header.getUint8(at);
  const metric = header.getUint8(at + 1);
  return {
    vectors: VECTOR_TYPES[type] ?? `unknown ${type}`,
    metric: METRICS[metric] ?? `unknown ${metric}`,
  };
}

function offsets(header: DataView, from: number, names: readonly string[]) {
  return Object.fromEntries(names.map((name, i) => [name, u64(header, from + i * 8)]));
}

function u32(header: DataView, at: number): number {
  return header.getUint32(at, true);
}

/** Sizes and offsets of files lie far below 2^53; what a damaged header says may not. */
function u64(header: DataView, at: number): number {
  return Number(header.getBigUint64(at, true));
}

/** As docs/internals number them: types, metrics, codes of graphs, kinds of lists. */
const VECTOR_TYPES: readonly string[] = ["f32", "f16", "bf16", "i8", "binary"];
const METRICS: readonly string[] = [
  "L2",
  "IP",
  "COSINE",
  "HAMMING",
  "JACCARD",
  "SUBSTRUCTURE",
  "SUPERSTRUCTURE",
  "MHJACCARD",
  "BM25",
];
const GRAPH_CODES: readonly string[] = ["none", "unsigned 8-bit", "unsigned 8-bit", "products", "products"];
const REFINEMENTS: readonly string[] = ["nothing", "rows", "f16 copy", "bf16 copy", "8-bit copy"];
const LIST_KINDS: readonly string[] = [
  "IVF_FLAT",
  "IVF_SQ8",
  "IVF_PQ",
  "SCANN",
  "IVF_RABITQ",
  "BIN_IVF_FLAT",
];
