import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs/light.js";
import "protobufjs/ext/descriptor/index.js";
import { collectionNotFound } from "../errors/meta-errors.ts";
import { notServed } from "../errors/service-errors.ts";
import { SUCCESS, toStatus } from "../errors/status.ts";
import { decode, encode } from "./codec.ts";
import { definitionOf } from "./definitions.ts";
import { fileDescriptors } from "./reflection.ts";
import { milvusRpcs } from "./service.ts";
import { encodeFailure, fromWireStatus, toWireStatus } from "./status-wire.ts";

test("the service lists every RPC with its path and messages", () => {
  const rpcs = milvusRpcs();
  assert.equal(
    rpcs.length,
    Object.keys(definitionOf("milvus.proto.milvus.MilvusService")?.methods ?? {}).length,
  );
  assert.deepEqual(
    rpcs.find((rpc) => rpc.name === "Search"),
    {
      name: "Search",
      path: "/milvus.proto.milvus.MilvusService/Search",
      request: "milvus.SearchRequest",
      response: "milvus.SearchResults",
      requestStream: false,
      responseStream: false,
      status: "status",
    },
  );
  assert.equal(rpcs.find((rpc) => rpc.name === "DropCollection")?.status, "self");
});

test("a failure has its status in both the new and the old field, wherever the response keeps it", () => {
  const error = collectionNotFound({ db: "default", collection: "c" });
  for (const rpc of milvusRpcs()) {
    const bytes = encodeFailure(rpc, error);
    if (rpc.status === "none") {
      assert.equal(bytes, undefined);
      continue;
    }
    assert.ok(bytes);
    const message = decode(rpc.response, bytes) as unknown as { readonly status?: unknown };
    const status = fromWireStatus((rpc.status === "self" ? message : message.status) as never);
    assert.deepEqual(status, toStatus(error), rpc.name);
  }
  const unserved = milvusRpcs().find((rpc) => rpc.name === "CreateCredential");
  assert.ok(unserved);
  const status = decode(
    "common.Status",
    encodeFailure(unserved, notServed("CreateCredential")) ?? new Uint8Array(0),
  );
  assert.equal(status.code, 10);
  assert.equal(status.errorCode, 1);
});

test("success is an empty status", () => {
  assert.deepEqual(encode("common.Status", toWireStatus(SUCCESS)), new Uint8Array(0));
  assert.deepEqual(fromWireStatus(decode("common.Status", new Uint8Array(0))), SUCCESS);
});

interface FromDescriptor {
  fromDescriptor(descriptor: { file: unknown[] }): protobuf.Root;
}

test("reflection's descriptors describe the same messages", () => {
  const set = root().lookupType("google.protobuf.FileDescriptorProto");
  const files = fileDescriptors();
  assert.ok(files.find((file) => file.name === "milvus.proto")?.dependencies.includes("schema.proto"));
  assert.ok(files.some((file) => file.symbols.includes("milvus.proto.milvus.MilvusService.Search")));
  const described = (protobuf.Root as unknown as FromDescriptor).fromDescriptor({
    file: files.map((file) => set.decode(file.bytes)),
  });
  const bytes = encode("milvus.SearchRequest", {
    collectionName: "c",
    nq: 1n,
    exprTemplateValues: new Map([["x", { int64Val: 5n }]]),
    namespace: "n",
  });
  const message = described.lookupType("milvus.proto.milvus.SearchRequest").decode(bytes).toJSON();
  assert.deepEqual(message, {
    collectionName: "c",
    nq: "1",
    exprTemplateValues: { x: { int64Val: "5" } },
    namespace: "n",
  });
  const service = described.lookupService("milvus.proto.milvus.MilvusService");
  assert.equal(Object.keys(service.methods).length, milvusRpcs().length);
});

function root(): protobuf.Root {
  const nested = { google: definitionOf("google") } as unknown as Record<string, protobuf.AnyNestedObject>;
  return protobuf.Root.fromJSON({ nested });
}
