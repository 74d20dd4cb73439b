import { DataType } from "../../../src/model/data-type.ts";
import { encode, planOf, type Init, type MessageName } from "../../../src/wire/codec.ts";
import type { MessageTypes } from "../../../src/wire/messages.gen.ts";
import { milvusRpcs, type Rpc } from "../../../src/wire/service.ts";

/** The collection that hostile requests are thrown at; it is put back whenever they have destroyed it. */
export const TARGET = "fuzz";
export const DIM = 4;

export interface RpcSample {
  readonly rpc: Rpc;
  readonly bytes: Uint8Array;
}

/** Valid requests, several for the RPCs that carry data or expressions and one for every other RPC of the service. */
export function rpcSamples(): readonly RpcSample[] {
  const rpcs = milvusRpcs().filter(({ requestStream, responseStream }) => !requestStream && !responseStream);
  const special: readonly RpcSample[] = Object.entries(SPECIAL).flatMap(([name, requests]) => {
    const rpc = rpcs.find((candidate) => candidate.name === name);
    return rpc === undefined
      ? []
      : requests.map((request) => ({ rpc, bytes: encode(rpc.request, request as never) }));
  });
  const plain = rpcs
    .filter(({ name }) => SPECIAL[name] === undefined)
    .map((rpc) => ({ rpc, bytes: encode(rpc.request, usualRequest(rpc.request) as never) }));
  return [...special, ...plain];
}

export function sampleOf(name: string): RpcSample {
  const found = rpcSamples().find(({ rpc }) => rpc.name === name);
  if (found === undefined) throw new Error(`no sample of ${name}`);
  return found;
}

/** What fields of these names usually hold. */
const USUAL: Readonly<Record<string, unknown>> = {
  dbName: "default",
  collectionName: TARGET,
  partitionName: "part",
  partitionNames: ["_default"],
  collectionNames: [TARGET],
  fieldName: "vector",
  indexName: "vector",
  alias: "fuzz_alias",
  oldName: TARGET,
  newName: "fuzz_renamed",
  replicaNumber: 1,
  request: '{"metric_type": "system_info"}',
  properties: [{ key: "collection.ttl.seconds", value: "100000" }],
  username: "someone",
  password: "c2VjcmV0",
  roleName: "admin",
  segmentIDs: [1n],
  compactionID: 1n,
};

function usualRequest(message: MessageName): Record<string, unknown> {
  const fields = planOf(`milvus.proto.${message}`).fields;
  return Object.fromEntries(fields.flatMap(({ name }) => (name in USUAL ? [[name, USUAL[name]]] : [])));
}

const pairs = (values: Readonly<Record<string, string | number>>) =>
  Object.entries(values).map(([key, value]) => ({ key, value: String(value) }));

const schemaOf = (name: string): Uint8Array =>
  encode("schema.CollectionSchema", {
    name,
    enableDynamicField: true,
    fields: [
      { fieldID: 100n, name: "id", isPrimaryKey: true, dataType: DataType.Int64 },
      {
        fieldID: 101n,
        name: "text",
        dataType: DataType.VarChar,
        nullable: true,
        typeParams: pairs({ max_length: 100 }),
      },
      { fieldID: 102n, name: "vector", dataType: DataType.FloatVector, typeParams: pairs({ dim: DIM }) },
    ],
  });

const ROWS = 3;
const columns = (first: number): Init<MessageTypes["milvus.InsertRequest"]>["fieldsData"] => [
  {
    type: DataType.Int64,
    fieldName: "id",
    scalars: { longData: { data: BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(first + i)) } },
  },
  {
    type: DataType.VarChar,
    fieldName: "text",
    scalars: { stringData: { data: packed(["a", "kite", "日本"]) } },
    validData: Uint8Array.of(1, 1, 1),
  },
  {
    type: DataType.FloatVector,
    fieldName: "vector",
    vectors: { dim: BigInt(DIM), floatVector: { data: new Float32Array(ROWS * DIM).fill(0.5) } },
  },
  {
    type: DataType.JSON,
    fieldName: "$meta",
    isDynamic: true,
    scalars: { jsonData: { data: packed(['{"n": 1}', '{"n": {"m": [1, "x"]}}', "{}"]) } },
  },
];

function packed(texts: readonly string[]): { offsets: Int32Array; bytes: Uint8Array } {
  const parts = texts.map((text) => new TextEncoder().encode(text));
  const offsets = new Int32Array(parts.length + 1);
  parts.forEach((part, i) => (offsets[i + 1] = (offsets[i] ?? 0) + part.length));
  return { offsets, bytes: new Uint8Array(Buffer.concat(parts)) };
}

const query = { tag: "$0", type: 101, values: packedBytes([new Float32Array(DIM).fill(0.4)]) };

function packedBytes(vectors: readonly Float32Array[]): { offsets: Int32Array; bytes: Uint8Array } {
  const parts = vectors.map(({ buffer }) => new Uint8Array(buffer as ArrayBuffer));
  return { offsets: Int32Array.of(0, parts[0]?.length ?? 0), bytes: parts[0] ?? new Uint8Array(0) };
}

const search = (params: Record<string, string | number>, more: object = {}): object => ({
  collectionName: TARGET,
  dsl: "",
  dslType: 1,
  nq: 1n,
  placeholderGroup: encode("common.PlaceholderGroup", { placeholders: [query] }),
  outputFields: ["text"],
  consistencyLevel: 0,
  searchParams: pairs({ anns_field: "vector", topk: 5, metric_type: "L2", round_decimal: -1, ...params }),
  ...more,
});

/** Requests by RPC where the usual ones would not do. */
const SPECIAL: Readonly<Record<string, readonly object[]>> = {
  CreateCollection: [
    { collectionName: TARGET, schema: schemaOf(TARGET), shardsNum: 1, consistencyLevel: 1 },
    { collectionName: "fuzz_other", schema: schemaOf("fuzz_other"), shardsNum: 2 },
  ],
  DropCollection: [{ collectionName: "fuzz_other" }, { collectionName: "fuzz_renamed" }],
  CreateIndex: [
    {
      collectionName: TARGET,
      fieldName: "vector",
      indexName: "vector",
      extraParams: pairs({ index_type: "HNSW", metric_type: "L2", params: '{"M": 8, "efConstruction": 40}' }),
    },
    {
      collectionName: TARGET,
      fieldName: "text",
      indexName: "text",
      extraParams: pairs({ index_type: "INVERTED" }),
    },
  ],
  LoadCollection: [{ collectionName: TARGET, replicaNumber: 1 }],
  AddCollectionField: [
    {
      collectionName: TARGET,
      schema: encode("schema.FieldSchema", { name: "added", dataType: DataType.Int64, nullable: true }),
    },
  ],
  AlterIndex: [
    { collectionName: TARGET, indexName: "vector", extraParams: pairs({ "mmap.enabled": "true" }) },
  ],
  Insert: [
    { collectionName: TARGET, numRows: ROWS, fieldsData: columns(1) },
    { collectionName: TARGET, partitionName: "part", numRows: ROWS, fieldsData: columns(100) },
  ],
  Upsert: [
    { collectionName: TARGET, numRows: ROWS, fieldsData: columns(2) },
    { collectionName: TARGET, numRows: ROWS, partialUpdate: true, fieldsData: columns(2)?.slice(0, 2) },
  ],
  Delete: [
    { collectionName: TARGET, expr: "id in [1, 2]" },
    { collectionName: TARGET, expr: 'text like "k%" and id > 100' },
  ],
  Search: [
    search({}),
    search({ params: '{"ef": 20}' }, { dsl: 'text in ["a", "kite"] or n == 1' }),
    search({ params: '{"radius": 2.0, "range_filter": 0.0}', offset: 1 }),
    search({ group_by_field: "text", group_size: 2 }),
    search({ iterator: "True", search_iter_v2: "True", search_iter_batch_size: 3 }),
    search(
      {},
      {
        dsl: "id in {ids}",
        exprTemplateValues: new Map([
          ["ids", { arrayVal: { longData: { data: BigInt64Array.of(1n, 2n) } } }],
        ]),
      },
    ),
  ],
  HybridSearch: [
    {
      collectionName: TARGET,
      requests: [search({})],
      rankParams: pairs({ strategy: "rrf", params: '{"k": 60}', limit: 5 }),
    },
  ],
  Query: [
    {
      collectionName: TARGET,
      expr: "id >= 0",
      outputFields: ["*"],
      queryParams: pairs({ limit: 5, offset: 1 }),
    },
    { collectionName: TARGET, expr: "", outputFields: ["count(*)"] },
    {
      collectionName: TARGET,
      expr: 'json_contains($meta["n"]["m"], 1) or exists n',
      outputFields: ["vector"],
      queryParams: pairs({ limit: 5 }),
    },
    {
      collectionName: TARGET,
      expr: "id in [1, 2, 3]",
      outputFields: ["$meta"],
      queryParams: pairs({ iterator: "True", batch_size: 2, limit: 2 }),
    },
  ],
  Connect: [{ clientInfo: { sdkType: "Fuzz", sdkVersion: "1", user: "x", host: "h", localTime: "" } }],
  CreateDatabase: [{ dbName: "fuzz_db" }],
  DropDatabase: [{ dbName: "fuzz_db" }],
  AlterDatabase: [{ dbName: "fuzz_db", properties: pairs({ "database.max.collections": 5 }) }],
};
