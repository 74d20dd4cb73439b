import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import {
  deltaLogBytes,
  deltaSample,
  logRecordBytes,
  logRecordSamples,
  manifestBytes,
  manifestSample,
  METADATA_SAMPLES,
  timesAndShapes,
} from "../fuzz/samples.ts";
import { decodeDeltaLog } from "../../src/format/delta-log.ts";
import { decodeLogRecord } from "../../src/format/log-record.ts";
import { decodeManifest } from "../../src/format/manifest.ts";
import { decodeRowBatch, encodeRowBatch } from "../../src/format/row-batch.ts";

/** Bytes that release 0.1.0 wrote. They are only added to: every later release reads them, and this version still writes them. */
interface Golden {
  readonly file: string;
  readonly write: () => Uint8Array;
  readonly read: (bytes: Uint8Array) => unknown;
  readonly value: unknown;
}

const GOLDEN: readonly Golden[] = [
  { file: "manifest-1.bin", write: manifestBytes, read: decodeManifest, value: manifestSample },
  { file: "delta-log-1.bin", write: deltaLogBytes, read: decodeDeltaLog, value: deltaSample },
  {
    file: "row-batch-1-times-and-shapes.bin",
    write: () => encodeRowBatch(timesAndShapes()),
    read: decodeRowBatch,
    value: timesAndShapes(),
  },
  ...logRecordSamples().map((record) => ({
    file: `log-record-1-${record.type}.bin`,
    write: () => logRecordBytes(record),
    read: decodeLogRecord,
    value: record,
  })),
  ...METADATA_SAMPLES.map(({ name, codec, value }) => ({
    file: `metadata-1-${name.replaceAll(" ", "-")}.bin`,
    write: () => codec.encode(value),
    read: (bytes: Uint8Array) => codec.decode(bytes),
    value,
  })),
];

for (const { file, write, read, value } of GOLDEN) {
  test(`${file} is read and written as it was`, async () => {
    const stored = new Uint8Array(await readFile(path.join(import.meta.dirname, "format", file)));
    assert.deepEqual(read(stored), value);
    assert.equal(Buffer.from(write()).toString("hex"), Buffer.from(stored).toString("hex"));
  });
}
