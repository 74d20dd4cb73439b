import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS, errorKindOfCode } from "./codes.ts";
import { decodeError, encodeError } from "./error-codec.ts";
import {
  aliasNotFound,
  collectionNotFound,
  collectionNotLoaded,
  databaseNotFound,
  indexNotFound,
  partitionNotFound,
  segmentNotFound,
} from "./meta-errors.ts";
import { parameterInvalid, parameterMissing, parameterOutOfRange } from "./parameter-errors.ts";
import { isRedkiteError, withContext } from "./redkite-error.ts";
import {
  abortReason,
  corrupted,
  diskFull,
  fenced,
  notServed,
  serviceNotReady,
  serviceTooManyRequests,
} from "./service-errors.ts";
import { errorOfStatus, SUCCESS, toRedkiteError, toStatus } from "./status.ts";

test("messages have Milvus's wording: context, text, fields, description", () => {
  assert.equal(
    collectionNotFound({ db: "default", collection: "foo" }).message,
    "collection not found[database=default][collection=foo]",
  );
  assert.equal(collectionNotFound({ collection: 449n }).message, "collection not found[collection=449]");
  assert.equal(databaseNotFound("d").message, "database not found[database=d]");
  assert.equal(partitionNotFound("p").message, "partition not found[partition=p]");
  assert.equal(indexNotFound({ indexName: "i" }).message, "index not found[indexName=i]");
  assert.equal(indexNotFound({ collection: "c" }).message, "index not found[collection=c]");
  assert.equal(
    aliasNotFound({ db: "default", alias: "a" }).message,
    "alias not found[database=default][alias=a]",
  );
  assert.equal(
    collectionNotLoaded("c", "failed to search").message,
    "failed to search: collection not loaded[collection=c]",
  );
  assert.equal(segmentNotFound([1n, 2n]).message, "segment not found[segments=[1 2]]");
  assert.equal(
    parameterInvalid("bad dim", { expected: 8, actual: 4 }).message,
    "bad dim: invalid parameter[expected=8][actual=4]",
  );
  assert.equal(parameterInvalid("nq is 0").message, "nq is 0: invalid parameter");
  assert.equal(
    parameterOutOfRange({ lower: 1, upper: 16384, actual: 0 }).message,
    "invalid parameter[0 out of range 1 <= value <= 16384]",
  );
  assert.equal(parameterMissing("metric_type").message, "missing parameter[missing_param=metric_type]");
  assert.equal(
    serviceNotReady({ role: "proxy", nodeId: 7n, state: "Initializing" }).message,
    "service not ready[proxy=7]: Initializing",
  );
  assert.equal(
    notServed("CreateUser").message,
    "service unimplemented: CreateUser is not served by this version of Redkite",
  );
  assert.equal(
    corrupted({ file: "seg/1.arrow", offset: 64, problem: "checksum differs" }).message,
    "data integrity check failed[file=seg/1.arrow][offset=64]: checksum differs",
  );
});

test("a status carries both codes, and marks wrong input as such and never as retriable", () => {
  const status = toStatus(collectionNotFound({ db: "default", collection: "foo" }));
  assert.deepEqual(status, {
    code: 100,
    legacyCode: 4,
    reason: "collection not found[database=default][collection=foo]",
    retriable: false,
    detail: "collection not found[database=default][collection=foo]",
    extraInfo: { is_input_error: "true" },
  });
  const busy = toStatus(serviceTooManyRequests(1024));
  assert.equal(busy.code, 4);
  assert.equal(busy.retriable, true);
  assert.deepEqual(busy.extraInfo, {});
  for (const info of Object.values(ERRORS))
    assert.ok(!(info.blame === "input" && info.retriable), info.message);
});

test("our own errors answer under Milvus's codes", () => {
  assert.equal(toStatus(diskFull({ path: "wal" })).code, ERRORS.serviceDiskLimitExceeded.code);
  assert.equal(diskFull({ path: "wal" }).retriable, true);
  assert.equal(fenced({ of: "vchannel", held: 3n, current: 4n }).retriable, true);
  assert.equal(errorKindOfCode(7), "serviceDiskLimitExceeded");
  assert.equal(errorKindOfCode(10), "serviceUnimplemented");
  assert.equal(errorKindOfCode(-5), "unexpected");
});

test("Milvus's own codes are unique", () => {
  const ours = new Set([
    "diskFull",
    "diskFailed",
    "fileNotFound",
    "folderInUse",
    "newerData",
    "objectExists",
    "objectNotFound",
    "metaUnavailable",
    "metaUnknownOutcome",
    "metaCompacted",
    "leaseExpired",
    "streamUnavailable",
    "positionGone",
    "fenced",
    "writeConflict",
    "corrupted",
    "staleRead",
    "notServed",
    "configInvalid",
  ]);
  const codes = Object.entries(ERRORS).flatMap(([kind, info]) => (ours.has(kind) ? [] : [info.code]));
  assert.equal(new Set(codes).size, codes.length);
});

test("unknown errors are wrapped once, and aborts and timeouts keep their meaning", () => {
  const cause = new TypeError("x is not a function");
  const wrapped = toRedkiteError(cause);
  assert.equal(wrapped.code, 65535);
  assert.equal(wrapped.cause, cause);
  assert.equal(toRedkiteError(wrapped), wrapped);
  assert.equal(toStatus("plain text").reason, "plain text");
  assert.equal(toStatus(new DOMException("gone", "AbortError")).code, 10000);
  assert.equal(toStatus(new DOMException("late", "TimeoutError")).code, 10001);
  const controller = new AbortController();
  controller.abort(fenced({ of: "lease", held: 1n }));
  assert.equal(abortReason(controller.signal).kind, "fenced");
  assert.equal(abortReason(AbortSignal.abort()).kind, "canceled");
});

test("an error crosses a thread or a node as plain data", () => {
  const error = withContext(partitionNotFound("p"), "load");
  const decoded = decodeError(JSON.parse(JSON.stringify(encodeError(error))));
  assert.ok(isRedkiteError(decoded, "partitionNotFound"));
  assert.equal(decoded.message, "load: partition not found[partition=p]");
  assert.deepEqual(decoded.fields, { partition: "p" });
  assert.equal(decoded.blame, "input");
  const newer = decodeError({ ...encodeError(error), kind: "fromTheFuture" });
  assert.equal(newer.kind, "unexpected");
  assert.equal(newer.message, "load: partition not found[partition=p]");
});

test("a status turns back into its error", () => {
  assert.equal(errorOfStatus(SUCCESS), undefined);
  const error = errorOfStatus(toStatus(collectionNotFound({ collection: "c" })));
  assert.equal(error?.kind, "collectionNotFound");
  assert.equal(error?.blame, "input");
});
