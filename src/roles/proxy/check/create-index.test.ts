import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { DataType } from "../../../model/data-type.ts";
import { FakeDeployment } from "../fake-deployment.testing.ts";
import { createRequest, field, idField, pair, vectorField } from "../requests.testing.ts";

async function deploymentWithFields(enableDynamicField = false): Promise<FakeDeployment> {
  const deployment = new FakeDeployment();
  const request = createRequest(
    "c",
    [
      idField,
      vectorField,
      field("int8s", DataType.Int8Vector, { typeParams: [pair("dim", "8")] }),
      field("bits", DataType.BinaryVector, { typeParams: [pair("dim", "8")] }),
      field("sparse", DataType.SparseFloatVector),
      field("flag", DataType.Bool),
      field("age", DataType.Int32),
      field("name", DataType.VarChar, { typeParams: [pair("max_length", "9")] }),
      field("meta", DataType.JSON),
      field("tags", DataType.Array, { elementType: DataType.Int8, typeParams: [pair("max_capacity", "4")] }),
      field("floats", DataType.Array, {
        elementType: DataType.Float,
        typeParams: [pair("max_capacity", "4")],
      }),
    ],
    { enableDynamicField },
  );
  equal((await deployment.status("CreateCollection", request)).reason, "");
  return deployment;
}

type Params = Readonly<Record<string, string>>;
const pairs = (params: Params): { key: string; value: string }[] =>
  Object.entries(params).map(([key, value]) => pair(key, value));

const accepted: readonly {
  readonly on: string;
  readonly given: Params;
  readonly shown: Params;
  readonly built: Params;
  readonly name?: string;
}[] = [
  {
    on: "vec",
    given: {},
    shown: { index_type: "AUTOINDEX", metric_type: "COSINE" },
    built: { index_type: "HNSW", M: "18", efConstruction: "240", metric_type: "COSINE" },
  },
  {
    on: "vec",
    given: { index_type: "", metric_type: "L2", params: "{}" },
    shown: { index_type: "AUTOINDEX", metric_type: "L2" },
    built: { index_type: "HNSW", M: "18", efConstruction: "240", metric_type: "L2" },
  },
  {
    on: "vec",
    given: {
      index_type: "HNSW",
      metric_type: "IP",
      params: '{"M": 16, "efConstruction": "200", "other": 1}',
    },
    shown: {
      index_type: "HNSW",
      metric_type: "IP",
      params: '{"M": 16, "efConstruction": "200", "other": 1}',
    },
    built: { index_type: "HNSW", M: "16", efConstruction: "200", metric_type: "IP" },
  },
  {
    on: "int8s",
    given: { index_type: "HNSW", metric_type: "COSINE" },
    shown: { index_type: "HNSW", metric_type: "COSINE" },
    built: { index_type: "HNSW", M: "30", efConstruction: "360", metric_type: "COSINE" },
  },
  {
    on: "bits",
    given: { index_type: "BIN_FLAT", metric_type: "JACCARD" },
    shown: { index_type: "BIN_FLAT", metric_type: "JACCARD" },
    built: { index_type: "FLAT", metric_type: "JACCARD" },
  },
  {
    on: "bits",
    given: { metric_type: "MHJACCARD" },
    shown: { index_type: "AUTOINDEX", metric_type: "MHJACCARD" },
    built: {
      index_type: "MINHASH_LSH",
      metric_type: "MHJACCARD",
      mh_element_bit_width: "8",
      mh_lsh_band: "1",
    },
  },
  {
    on: "bits",
    given: {
      index_type: "MINHASH_LSH",
      metric_type: "MHJACCARD",
      params:
        '{"mh_lsh_band": 128, "mh_element_bit_width": 8, "with_raw_data": true, "mh_lsh_code_in_mem": 1, "mh_lsh_bloom_false_positive_prob": 0.01}',
    },
    shown: {
      index_type: "MINHASH_LSH",
      metric_type: "MHJACCARD",
      params:
        '{"mh_lsh_band": 128, "mh_element_bit_width": 8, "with_raw_data": true, "mh_lsh_code_in_mem": 1, "mh_lsh_bloom_false_positive_prob": 0.01}',
    },
    built: {
      index_type: "MINHASH_LSH",
      metric_type: "MHJACCARD",
      mh_element_bit_width: "8",
      mh_lsh_band: "1",
    },
  },
  {
    on: "bits",
    given: { index_type: "BIN_FLAT", metric_type: "MHJACCARD", mh_lsh_band: "-3" },
    shown: { index_type: "BIN_FLAT", metric_type: "MHJACCARD", mh_lsh_band: "-3" },
    built: { index_type: "FLAT", metric_type: "MHJACCARD", mh_element_bit_width: "8", mh_lsh_band: "1" },
  },
  {
    on: "bits",
    given: { index_type: "BIN_FLAT", metric_type: "SUPERSTRUCTURE" },
    shown: { index_type: "BIN_FLAT", metric_type: "SUPERSTRUCTURE" },
    built: { index_type: "FLAT", metric_type: "SUPERSTRUCTURE" },
  },
  {
    on: "bits",
    given: { index_type: "AUTOINDEX", metric_type: "SUBSTRUCTURE" },
    shown: { index_type: "AUTOINDEX", metric_type: "SUBSTRUCTURE" },
    built: { index_type: "FLAT", metric_type: "SUBSTRUCTURE" },
  },
  {
    on: "sparse",
    given: { index_type: "AUTOINDEX" },
    shown: { index_type: "AUTOINDEX", metric_type: "IP" },
    built: { index_type: "SPARSE_INVERTED_INDEX", metric_type: "IP" },
  },
  {
    on: "sparse",
    given: {
      index_type: "SPARSE_WAND",
      metric_type: "IP",
      inverted_index_algo: "DAAT_MAXSCORE",
      drop_ratio_build: "0.2",
    },
    shown: {
      index_type: "SPARSE_WAND",
      metric_type: "IP",
      inverted_index_algo: "DAAT_MAXSCORE",
      drop_ratio_build: "0.2",
    },
    built: { index_type: "SPARSE_WAND", metric_type: "IP" },
  },
  {
    on: "vec",
    given: { index_type: "IVF_FLAT", metric_type: "L2", params: '{"nlist": "64"}' },
    shown: { index_type: "IVF_FLAT", metric_type: "L2", params: '{"nlist": "64"}' },
    built: { index_type: "IVF_FLAT", nlist: "64", metric_type: "L2" },
  },
  {
    on: "vec",
    given: { index_type: "IVF_PQ", metric_type: "IP", m: "2" },
    shown: { index_type: "IVF_PQ", metric_type: "IP", m: "2" },
    built: { index_type: "IVF_PQ", nlist: "128", m: "2", nbits: "8", metric_type: "IP" },
  },
  {
    on: "vec",
    given: { index_type: "SCANN", metric_type: "COSINE", with_raw_data: "False" },
    shown: { index_type: "SCANN", metric_type: "COSINE", with_raw_data: "False" },
    built: { index_type: "SCANN", nlist: "128", refine: "false", metric_type: "COSINE" },
  },
  {
    on: "vec",
    given: {
      index_type: "IVF_RABITQ",
      metric_type: "COSINE",
      params: '{"refine": true, "refine_type": "Sq8"}',
    },
    shown: {
      index_type: "IVF_RABITQ",
      metric_type: "COSINE",
      params: '{"refine": true, "refine_type": "Sq8"}',
    },
    built: {
      index_type: "IVF_RABITQ",
      nlist: "128",
      refine: "true",
      refine_type: "SQ8",
      metric_type: "COSINE",
    },
  },
  {
    on: "vec",
    given: { index_type: "HNSW_SQ", metric_type: "L2", M: "8", sq_type: "None" },
    shown: { index_type: "HNSW_SQ", metric_type: "L2", M: "8", sq_type: "None" },
    built: {
      index_type: "HNSW_SQ",
      M: "8",
      efConstruction: "360",
      sq_type: "SQ8",
      refine: "false",
      metric_type: "L2",
    },
  },
  {
    on: "vec",
    given: { index_type: "HNSW_SQ", metric_type: "IP", sq_type: "bf16", refine: "false" },
    shown: { index_type: "HNSW_SQ", metric_type: "IP", sq_type: "bf16", refine: "false" },
    built: {
      index_type: "HNSW_SQ",
      M: "30",
      efConstruction: "360",
      sq_type: "BF16",
      refine: "true",
      refine_type: "BF16",
      metric_type: "IP",
    },
  },
  {
    on: "vec",
    given: { index_type: "HNSW_PQ", metric_type: "L2", m: "4", refine: "True", refine_type: "SQ4U" },
    shown: { index_type: "HNSW_PQ", metric_type: "L2", m: "4", refine: "True", refine_type: "SQ4U" },
    built: {
      index_type: "HNSW_PQ",
      M: "30",
      efConstruction: "360",
      m: "4",
      nbits: "8",
      refine: "true",
      refine_type: "SQ4U",
      metric_type: "L2",
    },
  },
  {
    on: "vec",
    given: { index_type: "HNSW_SQ", metric_type: "L2", sq_type: "FP16", refine: "true", refine_type: "fp32" },
    shown: { index_type: "HNSW_SQ", metric_type: "L2", sq_type: "FP16", refine: "true", refine_type: "fp32" },
    built: {
      index_type: "HNSW_SQ",
      M: "30",
      efConstruction: "360",
      sq_type: "FP16",
      refine: "true",
      refine_type: "FP32",
      metric_type: "L2",
    },
  },
  {
    on: "vec",
    given: { index_type: "HNSW_PRQ", metric_type: "IP", refine_type: "FP16" },
    shown: { index_type: "HNSW_PRQ", metric_type: "IP", refine_type: "FP16" },
    built: {
      index_type: "HNSW_PRQ",
      M: "30",
      efConstruction: "360",
      m: "2",
      nbits: "8",
      nrq: "2",
      refine: "false",
      metric_type: "IP",
    },
  },
  {
    on: "vec",
    given: { index_type: "HNSW_PRQ", metric_type: "COSINE" },
    shown: { index_type: "HNSW_PRQ", metric_type: "COSINE" },
    built: {
      index_type: "HNSW_PRQ",
      M: "30",
      efConstruction: "360",
      m: "2",
      nbits: "8",
      nrq: "2",
      refine: "false",
      metric_type: "COSINE",
    },
  },
  {
    on: "bits",
    given: { index_type: "BIN_IVF_FLAT", metric_type: "HAMMING", nlist: "None" },
    shown: { index_type: "BIN_IVF_FLAT", metric_type: "HAMMING", nlist: "None" },
    built: { index_type: "BIN_IVF_FLAT", nlist: "128", metric_type: "HAMMING" },
  },
  { on: "flag", given: {}, shown: { index_type: "AUTOINDEX" }, built: { index_type: "BITMAP" } },
  {
    on: "age",
    given: { index_type: "STL_SORT" },
    shown: { index_type: "STL_SORT" },
    built: { index_type: "STL_SORT" },
  },
  { on: "name", given: { index_type: "Trie" }, shown: { index_type: "Trie" }, built: { index_type: "TRIE" } },
  {
    on: "id",
    given: { index_type: "INVERTED" },
    shown: { index_type: "INVERTED" },
    built: { index_type: "INVERTED" },
  },
  {
    on: "meta",
    given: { index_type: "INVERTED", json_cast_type: "double", json_path: "meta['a'][0]" },
    shown: { index_type: "INVERTED", json_cast_type: "double", json_path: "meta['a'][0]" },
    built: { index_type: "SCAN", json_cast_type: "DOUBLE", json_path: "/a/0" },
    name: "meta/a/0",
  },
  {
    on: "color",
    given: { index_type: "BITMAP", json_cast_type: "VARCHAR", json_path: "color" },
    shown: { index_type: "BITMAP", json_cast_type: "VARCHAR", json_path: "color" },
    built: { index_type: "SCAN", json_cast_type: "VARCHAR", json_path: "/color" },
    name: "$meta/color",
  },
  {
    on: "color",
    given: { json_cast_type: "json" },
    shown: { json_cast_type: "json", index_type: "AUTOINDEX" },
    built: { index_type: "SCAN", json_cast_type: "JSON", json_path: "/color" },
    name: "$meta/color",
  },
  {
    on: "meta",
    given: { index_type: "STL_SORT", json_cast_type: "VARCHAR" },
    shown: { index_type: "STL_SORT", json_cast_type: "VARCHAR" },
    built: { index_type: "SCAN", json_cast_type: "VARCHAR", json_path: "" },
  },
  { on: "tags", given: {}, shown: { index_type: "AUTOINDEX" }, built: { index_type: "SCAN" } },
  {
    on: "tags",
    given: { index_type: "BITMAP" },
    shown: { index_type: "BITMAP" },
    built: { index_type: "SCAN" },
  },
];

test("index parameters are completed, and shown as they were given", async () => {
  for (const { on, given, shown, built, name = on } of accepted) {
    const deployment = await deploymentWithFields(on === "color");
    const request = { collectionName: "c", fieldName: on, extraParams: pairs(given) };
    equal((await deployment.status("CreateIndex", request)).reason, "", on);
    const [index] = [...deployment.indexes.values()].flat();
    deepEqual({ ...index?.params }, built);
    const described = await deployment.call("DescribeIndex", { collectionName: "c" });
    const [one] = described.indexDescriptions;
    deepEqual(Object.fromEntries((one?.params ?? []).map(({ key, value }) => [key, value])), shown);
    deepEqual([one?.indexName, one?.fieldName, one?.pendingIndexRows, one?.state], [name, on, 2n, 2]);
  }
});

const invalid = "invalid parameter[expected=valid index params][actual=invalid index params]";

const refused: readonly {
  readonly on: string;
  readonly given: Params;
  readonly code?: number;
  readonly says: string;
}[] = [
  { on: "nope", given: {}, says: "cannot create index on non-exist field: nope" },
  {
    on: "vec",
    given: { index_type: "NOPE" },
    says: "invalid parameter[expected=valid index][actual=invalid index type: NOPE]",
  },
  { on: "vec", given: { index_type: "GPU_CAGRA" }, says: "[actual=invalid index type: GPU_CAGRA]" },
  { on: "vec", given: { index_type: "HNSW" }, says: `metric type not set for vector index: ${invalid}` },
  {
    on: "vec",
    given: { index_type: "HNSW", metric_type: "L3" },
    says: `float vector index does not support metric type: L3: ${invalid}`,
  },
  {
    on: "bits",
    given: { index_type: "BIN_FLAT", metric_type: "L2" },
    says: `binary vector index does not support metric type: L2: ${invalid}`,
  },
  {
    on: "int8s",
    given: { index_type: "HNSW", metric_type: "HAMMING" },
    says: `int vector index does not support metric type: HAMMING: ${invalid}`,
  },
  {
    on: "sparse",
    given: { metric_type: "L2" },
    says: `only IP&BM25 is the supported metric type for sparse index: ${invalid}`,
  },
  {
    on: "sparse",
    given: { metric_type: "BM25" },
    says: "only BM25 Function output field support BM25 metric type",
  },
  {
    on: "vec",
    given: { metric_type: "L2", nlist: "4" },
    says: "only metric type can be passed when use AutoIndex",
  },
  {
    on: "int8s",
    given: { index_type: "IVF_PQ", metric_type: "L2" },
    says: "data type Int8Vector can't build with this index IVF_PQ",
  },
  {
    on: "sparse",
    given: { index_type: "HNSW", metric_type: "IP" },
    says: "data type SparseFloatVector can't build with this index HNSW",
  },
  {
    on: "vec",
    given: { index_type: "STL_SORT", metric_type: "IP" },
    says: "data type FloatVector can't build with this index STL_SORT",
  },
  {
    on: "vec",
    given: { index_type: "HNSW", metric_type: "L2", M: "1" },
    says: "param 'M' (1) should be in range [2, 2048]: invalid parameter",
  },
  {
    on: "vec",
    given: { index_type: "HNSW", metric_type: "L2", M: "2049" },
    says: "param 'M' (2049) should be in range [2, 2048]",
  },
  {
    on: "vec",
    given: { index_type: "HNSW", metric_type: "L2", params: '{"M": 16.0}' },
    says: "wrong data type in json",
  },
  {
    on: "vec",
    given: { index_type: "HNSW", metric_type: "L2", M: "True" },
    says: "invalid integer value, key: 'M', value: 'True': invalid parameter",
  },
  {
    on: "vec",
    given: { index_type: "HNSW", metric_type: "L2", params: '{"M": [16]}' },
    says: "invalid integer value, key: 'M', value: '[16]': invalid parameter",
  },
  {
    on: "vec",
    given: { index_type: "HNSW", metric_type: "L2", efConstruction: "0" },
    says: "param 'efConstruction' (0) should be in range [1, 2147483647]",
  },
  {
    on: "vec",
    given: { index_type: "HNSW", metric_type: "L2", dim: "9" },
    says: "dimension mismatch, dimension in schema: 8, dimension: 9",
  },
  { on: "vec", given: { params: "{" }, says: "the index params are not JSON" },
  { on: "vec", given: { params: "[1]" }, says: "the index params must be a JSON object, not [1]" },
  {
    on: "vec",
    given: { index_type: "HNSW", metric_type: "L2", "mmap.enabled": "x" },
    says: "invalid mmap.enabled value: x, expected: true, false",
  },
  {
    on: "vec",
    given: { index_type: "HNSW", metric_type: "L2", warmup: "x" },
    says: "invalid warmup policy: x",
  },
  {
    on: "age",
    given: { index_type: "HNSW", metric_type: "L2" },
    says: "index HNSW only supports vector data type",
  },
  {
    on: "flag",
    given: { index_type: "STL_SORT" },
    says: "STL_SORT are only supported on numeric, varchar or timestamptz field, got Bool",
  },
  { on: "age", given: { index_type: "TRIE" }, says: "TRIE are only supported on varchar field" },
  { on: "id", given: { index_type: "BITMAP" }, says: "create bitmap index on primary key not supported" },
  {
    on: "floats",
    given: { index_type: "BITMAP" },
    says: "bitmap index are only supported on bool, int, string for array field",
  },
  {
    on: "meta",
    given: { index_type: "INVERTED" },
    code: 1101,
    says: "json index must specify cast type: missing parameter",
  },
  {
    on: "vec",
    given: { index_type: "IVF_FLAT", metric_type: "L2", nlist: "65537" },
    says: "Out of range in json: param 'nlist' (65537) should be in range [1, 65536]",
  },
  {
    on: "vec",
    given: { index_type: "IVF_SQ8", metric_type: "L2", params: '{"nlist": 128.0}' },
    says: "wrong data type in json",
  },
  {
    on: "vec",
    given: { index_type: "IVF_PQ", metric_type: "L2", m: "3" },
    says: "The dimension of a vector (dim) should be a multiple of the number of subquantizers (m)",
  },
  {
    on: "vec",
    given: { index_type: "IVF_PQ", metric_type: "L2", m: "2", nbits: "25" },
    says: "Out of range in json: param 'nbits' (25) should be in range [1, 24]",
  },
  {
    on: "vec",
    given: { index_type: "IVF_RABITQ", metric_type: "L2", refine: "1" },
    says: "Type conflict in json: param 'refine' (\"1\") should be a boolean",
  },
  {
    on: "vec",
    given: { index_type: "IVF_RABITQ", metric_type: "L2", refine_type: " SQ8 " },
    says: "invalid refine type :  SQ8 , optional types are [sq6, sq8, fp16, bf16, fp32, flat]",
  },
  {
    on: "vec",
    given: { index_type: "HNSW_SQ", metric_type: "L2", sq_type: "FP32" },
    says: "invalid scalar quantizer type: invalid parameter",
  },
  {
    on: "vec",
    given: { index_type: "HNSW_SQ", metric_type: "L2", refine_type: "INT8" },
    says: "invalid refine type : INT8, optional types are [sq4u, sq6, sq8, fp16, bf16, fp32, flat]: invalid parameter",
  },
  {
    on: "vec",
    given: { index_type: "HNSW_PQ", metric_type: "L2", m: "3" },
    says: "The dimension of a vector (dim) should be a multiple of the number of subquantizers (m). Dimension:",
  },
  {
    on: "vec",
    given: { index_type: "HNSW_PRQ", metric_type: "L2", nrq: "17" },
    says: "Out of range in json: param 'nrq' (17) should be in range [1, 16]",
  },
  {
    on: "bits",
    given: { index_type: "HNSW_SQ", metric_type: "HAMMING" },
    says: "data type BinaryVector can't build with this index HNSW_SQ",
  },
  {
    on: "bits",
    given: { index_type: "DISKANN", metric_type: "HAMMING" },
    says: "data type BinaryVector can't build with this index DISKANN",
  },
  // Not served, by name
  {
    on: "vec",
    given: { index_type: "IVF_PQ", metric_type: "L2", m: "2", nbits: "9" },
    code: 10,
    says: "nbits 9 is not served by this version",
  },
  {
    on: "sparse",
    given: { index_type: "SPARSE_INVERTED_INDEX", metric_type: "IP", inverted_index_algo: "NO" },
    says: "sparse inverted index algo NO not found or not supported, supported: [TAAT_NAIVE DAAT_WAND",
  },
  {
    on: "sparse",
    given: { index_type: "SPARSE_INVERTED_INDEX", metric_type: "IP", drop_ratio_build: "1" },
    says: "param 'drop_ratio_build' (1) should be in range [0.000000, 1.000000)",
  },
  {
    on: "sparse",
    given: { index_type: "SPARSE_WAND", metric_type: "IP", bm25_k1: "3.5" },
    says: "Out of range in json: param 'bm25_k1' (3.5) should be in range [0.000000, 3.000000]",
  },
  {
    on: "sparse",
    given: { index_type: "SPARSE_INVERTED_INDEX", metric_type: "IP", bm25_b: "x" },
    says: "Out of range in json: param 'bm25_b' (x) should be in range [0.000000, 1.000000]",
  },
  {
    on: "sparse",
    given: { index_type: "SPARSE_INVERTED_INDEX", metric_type: "IP", bm25_avgdl: "-1" },
    says: "param 'bm25_avgdl' (-1) should be in range [0.000000, 340282346638528859811704183484516925440.000000]",
  },
  {
    on: "bits",
    given: { index_type: "HNSW", metric_type: "SUPERSTRUCTURE" },
    says: "metric type SUPERSTRUCTURE not found or not supported, supported: [HAMMING JACCARD]",
  },
  {
    on: "bits",
    given: { index_type: "BIN_IVF_FLAT", metric_type: "SUBSTRUCTURE", nlist: "8" },
    says: "metric type SUBSTRUCTURE not found or not supported, supported: [HAMMING JACCARD]",
  },
  {
    on: "bits",
    given: { index_type: "BIN_FLAT", metric_type: "L2" },
    says: "binary vector index does not support metric type: L2",
  },
  { on: "name", given: { index_type: "NGRAM" }, code: 10, says: "the index type NGRAM" },
  {
    on: "bits",
    given: { index_type: "HNSW", metric_type: "MHJACCARD" },
    says: "metric type MHJACCARD not found or not supported, supported: [HAMMING JACCARD]",
  },
  {
    on: "bits",
    given: { index_type: "MINHASH_LSH", metric_type: "HAMMING" },
    says: "metric type HAMMING not found or not supported, supported: [MHJACCARD]",
  },
  {
    on: "vec",
    given: { index_type: "MINHASH_LSH", metric_type: "L2" },
    says: "can't build with this index MINHASH_LSH",
  },
  {
    on: "vec",
    given: { index_type: "FLAT", metric_type: "MHJACCARD" },
    says: "float vector index does not support metric type: MHJACCARD",
  },
  {
    on: "bits",
    given: { index_type: "MINHASH_LSH", metric_type: "MHJACCARD", mh_element_bit_width: "16" },
    says: "should be a multiple of mh_element_bit_width. Dimension:8, mh_element_bit_width:16",
  },
  {
    on: "bits",
    given: { index_type: "BIN_FLAT", metric_type: "MHJACCARD", mh_element_bit_width: "12" },
    says: "mh_element_bit_width (12) should be a multiple of 8",
  },
  {
    on: "bits",
    given: { index_type: "MINHASH_LSH", metric_type: "MHJACCARD", mh_element_bit_width: "264" },
    says: "Out of range in json: param 'mh_element_bit_width' (264) should be in range [8, 256]",
  },
  {
    on: "bits",
    given: { index_type: "MINHASH_LSH", metric_type: "MHJACCARD", mh_lsh_band: "many" },
    says: "invalid integer value, key: 'mh_lsh_band', value: 'many'",
  },
  {
    on: "bits",
    given: { index_type: "MINHASH_LSH", metric_type: "MHJACCARD", mh_lsh_bloom_false_positive_prob: "1.5" },
    says: "param 'mh_lsh_bloom_false_positive_prob' (1.5) should be in range [0.000000, 1.000000]",
  },
  {
    on: "bits",
    given: { index_type: "MINHASH_LSH", metric_type: "MHJACCARD", with_raw_data: "yes" },
    says: "param 'with_raw_data' (\"yes\") should be a boolean",
  },
  {
    on: "bits",
    given: { index_type: "MINHASH_LSH", metric_type: "MHJACCARD", mh_lsh_aligned_block_size: "512" },
    says: "param 'mh_lsh_aligned_block_size' (512) should be in range [4096, 2147483647]",
  },
  {
    on: "meta",
    given: { index_type: "BITMAP", json_cast_type: "DOUBLE", json_path: "meta['a']" },
    says: "json_cast_type DOUBLE is not supported for BITMAP index: invalid parameter",
  },
  {
    on: "meta",
    given: { index_type: "INVERTED", json_cast_type: "float", json_path: "meta['a']" },
    says: "json_cast_type FLOAT is not supported: invalid parameter",
  },
  {
    on: "meta",
    given: {
      index_type: "INVERTED",
      json_cast_type: "VARCHAR",
      json_path: "meta",
      json_cast_function: "string_to_double",
    },
    says: "json_cast_function STRING_TO_DOUBLE is not supported for json_cast_type VARCHAR",
  },
  {
    on: "meta",
    given: {
      index_type: "INVERTED",
      json_cast_type: "DOUBLE",
      json_path: "meta",
      json_cast_function: "no",
    },
    says: "json_cast_function NO is not supported",
  },
  {
    on: "meta",
    given: { index_type: "INVERTED", json_cast_type: "DOUBLE", json_path: "age" },
    says: "cannot parse identifier: age, error: fieldID not match with field name: invalid parameter",
  },
];

test("wrong and unserved indexes are refused in Milvus's words", async () => {
  const deployment = await deploymentWithFields();
  for (const { on, given, code = 1100, says } of refused) {
    const request = { collectionName: "c", fieldName: on, extraParams: pairs(given) };
    const status = await deployment.status("CreateIndex", request);
    ok(status.reason.includes(says), `expected "${says}", got "${status.reason}"`);
    equal(status.code, code, status.reason);
  }
  equal([...deployment.indexes.values()].flat().length, 0);
});

test("repeated and oversized parameters and odd index names are refused", async () => {
  const deployment = await deploymentWithFields();
  const create = async (request: object): Promise<string> =>
    (await deployment.status("CreateIndex", { collectionName: "c", fieldName: "vec", ...request })).reason;
  equal(
    await create({ extraParams: [pair("metric_type", "L2"), pair("metric_type", "IP")] }),
    "duplicated index param (key=metric_type) (value=IP) found: invalid parameter",
  );
  ok(
    (await create({ extraParams: [pair("x", "y".repeat(20_000_000))] })).includes(
      "index params size exceeds limit: ",
    ),
  );
  ok(
    (await create({ indexName: "1x" })).includes(
      "Invalid index name: 1x. The first character of a index name must be",
    ),
  );
  ok(
    (await create({ indexName: "x-y" })).includes(
      "Index name can only contain numbers, letters, and underscores.",
    ),
  );
  equal((await deployment.status("CreateIndex", { collectionName: "gone", fieldName: "vec" })).code, 100);
});

test("an index without a name gets its field's, or that of the index that is there", async () => {
  const deployment = await deploymentWithFields();
  const named = { collectionName: "c", fieldName: "vec", indexName: "mine" };
  await deployment.call("CreateIndex", named);
  await deployment.call("CreateIndex", { ...named, indexName: "" });
  const names = [...deployment.indexes.values()].flat().map(({ name }) => name);
  deepEqual(names, ["mine"]);
});
