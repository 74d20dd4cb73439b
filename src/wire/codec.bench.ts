/**
 * Decoding and encoding of hot messages, ours beside protobufjs in the same run:
 *
 *     node src/wire/codec.bench.ts
 */
import { cpus } from "node:os";
import protobuf from "protobufjs/light.js";
import { decode, encode, type Init, type MessageName } from "./codec.ts";
import definitionsModule from "@zilliz/milvus2-sdk-node/dist/milvus/proto-json/milvus.base.js";
import type { InsertRequest, SearchRequest, SearchResults } from "./messages.gen.ts";

const root = protobuf.Root.fromJSON((definitionsModule as { readonly default: protobuf.INamespace }).default);

const search: Init<SearchRequest> = {
  collectionName: "wordnet",
  dsl: 'pos == "n"',
  nq: 1n,
  guaranteeTimestamp: 2n,
  placeholderGroup: encode("common.PlaceholderGroup", {
    placeholders: [
      { tag: "$0", type: 101, values: { offsets: Int32Array.of(0, 1536), bytes: new Uint8Array(1536) } },
    ],
  }),
  outputFields: ["id", "lemma"],
  searchParams: ["anns_field", "topk", "params", "metric_type", "round_decimal"].map((key) => ({
    key,
    value: "10",
  })),
};

const results: Init<SearchResults> = {
  status: {},
  collectionName: "wordnet",
  results: {
    numQueries: 1n,
    topK: 10n,
    scores: new Float32Array(10).fill(0.5),
    topks: BigInt64Array.of(10n),
    ids: { intId: { data: new BigInt64Array(10).fill(449_123_123_123n) } },
  },
};

const insert: Init<InsertRequest> = {
  collectionName: "wordnet",
  numRows: 1_000,
  hashKeys: new Uint32Array(1_000).fill(4_000_000_000),
  fieldsData: [
    {
      type: 5,
      fieldName: "id",
      scalars: { longData: { data: BigInt64Array.from({ length: 1_000 }, (_, i) => BigInt(i)) } },
    },
    {
      type: 101,
      fieldName: "vector",
      vectors: { dim: 768n, floatVector: { data: Float32Array.from({ length: 768_000 }, Math.random) } },
    },
  ],
};

/** Microseconds of CPU a call, best of five runs. */
function measure(calls: number, call: () => unknown): number {
  let best = Infinity;
  for (let run = 0; run < 6; run++) {
    const before = process.cpuUsage();
    for (let i = 0; i < calls; i++) call();
    const { user, system } = process.cpuUsage(before);
    if (run > 0) best = Math.min(best, (user + system) / calls);
  }
  return best;
}

function compare<Name extends MessageName>(
  name: Name,
  message: Parameters<typeof encode<Name>>[1],
  calls: number,
): void {
  const type = root.lookupType(`milvus.proto.${name}`);
  const bytes = encode(name, message);
  const theirs = type.decode(bytes);
  const row = {
    bytes: bytes.length,
    "decode us": measure(calls, () => decode(name, bytes)),
    "protobufjs decode us": measure(calls, () => type.decode(bytes)),
    "encode us": measure(calls, () => encode(name, message)),
    "protobufjs encode us": measure(calls, () => type.encode(theirs).finish()),
  };
  console.log(name, row);
}

console.log(`${process.version} on ${cpus()[0]?.model}`);
compare("milvus.SearchRequest", search, 50_000);
compare("milvus.SearchResults", results, 50_000);
compare("milvus.InsertRequest", insert, 50);
