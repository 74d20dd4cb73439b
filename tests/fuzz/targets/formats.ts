import { mutate } from "../mutate.ts";
import {
  batchSample,
  deltaLogBytes,
  logRecordBytes,
  logRecordSamples,
  manifestBytes,
  METADATA_SAMPLES,
} from "../samples.ts";
import { perInput, type FuzzTarget } from "../fuzz-target.ts";
import { ByteFormatError, concatBytes, equalBytes } from "../../../src/base/bytes.ts";
import { crc32c } from "../../../src/base/crc32c.ts";
import type { Prng } from "../../../src/base/prng.ts";
import { isRedkiteError } from "../../../src/errors/redkite-error.ts";
import { decodeDataVersion, encodeDataVersion } from "../../../src/format/data-version.ts";
import { decodeDeltaLog, encodeDeltaLog } from "../../../src/format/delta-log.ts";
import { decodeLogRecord, encodeLogRecord } from "../../../src/format/log-record.ts";
import { decodeManifest, encodeManifest } from "../../../src/format/manifest.ts";
import { columnBytes } from "../../../src/format/column-buffers.ts";
import { decodeRowBatch, encodeRowBatch } from "../../../src/format/row-batch.ts";
import { decodeWalHead, decodeWalTruncate, encodeWalHead } from "../../../src/format/wal-control.ts";
import { decodeWalHeader, encodeWalHeader, WAL_HEADER_BYTES } from "../../../src/format/wal-frame.ts";

/** Parsers of stored bytes in TypeScript. Each input is a damaged valid sample; what is accepted must be the same after a rewrite. */
export const FORMAT_TARGETS: readonly FuzzTarget[] = [
  format({
    name: "log-record",
    samples: () => logRecordSamples().map(logRecordBytes),
    hot: [[0, 160]],
    rewrite: (bytes) => concatBytes(encodeLogRecord(decodeLogRecord(bytes))),
  }),
  format({
    name: "delta-log",
    samples: () => [deltaLogBytes()],
    hot: [[0, 64]],
    rewrite: (bytes) => encodeDeltaLog(decodeDeltaLog(bytes)),
  }),
  format({
    name: "manifest",
    samples: () => [manifestBytes()],
    hot: [[0, 16]],
    rewrite: (bytes) => encodeManifest(decodeManifest(bytes)),
  }),
  format({
    name: "row-batch",
    samples: () => [batchSample(6), batchSample(0), batchSample(40)],
    hot: [[0, 16 + 3 * 64]],
    rewrite: (bytes) => {
      const batch = decodeRowBatch(bytes);
      for (const column of batch.columns.values()) columnBytes(column);
      return encodeRowBatch(batch);
    },
  }),
  format({
    name: "wal-head",
    samples: () => [
      encodeWalHead({
        predecessorEnd: 4096n,
        nextTopic: 3,
        topics: [
          { number: 1, name: "by-dev-rootcoord-dml_1", truncated: 64n, last: 1n << 33n },
          { number: 2, name: "bücher", truncated: 0n, last: 0n },
        ],
      }),
    ],
    hot: [[0, 20]],
    rewrite: (bytes) => {
      if (bytes.length === 8) decodeWalTruncate(bytes);
      const head = decodeWalHead(bytes);
      return "newerVersion" in head ? undefined : encodeWalHead(head);
    },
  }),
  format({
    name: "data-version",
    samples: () => [encodeDataVersion({ formatVersion: 1, readableSince: "0.1.0", createdBy: "0.1.0" })],
    hot: [],
    rewrite: (bytes) => encodeDataVersion(decodeDataVersion(bytes, "VERSION")),
  }),
  {
    name: "metadata",
    shortInputs: 30_000,
    open: async (seed) => {
      const samples = METADATA_SAMPLES.map(({ codec, value }) => ({ codec, bytes: codec.encode(value) }));
      return perInput("metadata", seed, (random) => {
        const { codec, bytes } = random.pick(samples);
        const damaged = mutate(random, bytes, { other: random.pick(samples).bytes });
        return refusedOr(() => assertStable(damaged, (given) => codec.encode(codec.decode(given))));
      });
    },
  },
  {
    name: "wal-frame",
    shortInputs: 30_000,
    open: async (seed) => perInput("wal-frame", seed, walFrame),
  },
];

interface Format {
  readonly name: string;
  readonly samples: () => readonly Uint8Array[];
  readonly hot: readonly (readonly [number, number])[];
  /** Reads and writes again; undefined when what was read cannot be written. */
  readonly rewrite: (bytes: Uint8Array) => Uint8Array | undefined;
}

function format({ name, samples, hot, rewrite }: Format): FuzzTarget {
  return {
    name,
    shortInputs: 30_000,
    open: async (seed) => {
      const valid = samples();
      return perInput(name, seed, (random) => {
        let damaged = mutate(random, random.pick(valid), { hot, other: random.pick(valid) });
        // Views of unaligned bytes must work as well.
        if (random.chance(0.25)) damaged = concatBytes([new Uint8Array(3), damaged]).subarray(3);
        return refusedOr(() => assertStable(damaged, rewrite));
      });
    },
  };
}

/** What was accepted is written and read to the same bytes again. */
function assertStable(bytes: Uint8Array, rewrite: (bytes: Uint8Array) => Uint8Array | undefined): void {
  const once = rewrite(bytes);
  const twice = once && rewrite(once);
  if (once !== undefined && twice !== undefined && !equalBytes(once, twice))
    throw new Error(`accepted bytes change when they are written again: ${bytes.toHex()}`);
}

function refusedOr(read: () => void): "accepted" | "refused" {
  try {
    read();
    return "accepted";
  } catch (error) {
    if (error instanceof ByteFormatError || isRedkiteError(error)) return "refused";
    throw error;
  }
}

/** A frame header whose checksum is right, whatever it says. */
function walFrame(random: Prng): "accepted" | "refused" {
  const bytes = new Uint8Array(WAL_HEADER_BYTES);
  const position = random.uint64() >> BigInt(random.int(64));
  encodeWalHeader(
    bytes,
    0,
    {
      position,
      synced: position === 0n ? 0n : random.uint64() % position,
      previous: 0n,
      topic: random.uint32(),
      run: random.uint32(),
      kind: 5,
      payloadBytes: random.uint32(),
      payloadChecksum: random.uint32(),
    },
    crc32c,
  );
  const damaged = mutate(random, bytes);
  if (damaged.length >= WAL_HEADER_BYTES) {
    const view = new DataView(damaged.buffer, damaged.byteOffset);
    if (random.chance(0.9)) view.setUint32(4, crc32c(damaged.subarray(8, WAL_HEADER_BYTES)), true);
  }
  const header = decodeWalHeader(damaged, 0, position, crc32c);
  if (header === undefined) return "refused";
  if (
    header.position !== position ||
    header.synced > position ||
    (header.previous !== 0n && header.previous >= position)
  )
    throw new Error(`a frame with impossible positions was accepted: ${damaged.toHex()}`);
  return "accepted";
}
