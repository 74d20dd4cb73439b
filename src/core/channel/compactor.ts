import { assert } from "../../base/assert.ts";
import { isValid } from "../../model/columns.ts";
import type { CollectionId, FieldId, PartitionId, SegmentId, VChannel } from "../../model/ids.ts";
import { physicalMs, TIMESTAMP_MAX, TIMESTAMP_ZERO, type Timestamp } from "../../model/timestamp.ts";
import type { Engine, Segment } from "../../ports/engine.ts";
import type { Faults } from "../../ports/faults.ts";
import { segmentNotFound } from "../../errors/meta-errors.ts";
import { manifestOf } from "../shard/open-shard.ts";
import type { SegmentFiles } from "../shard/segment-files.ts";
import type { ShardState } from "../shard/shard-state.ts";
import type { SealedEntry } from "../shard/shard-view.ts";
import type { FlushOutput } from "./flusher.ts";

/** Which row versions no read sees any more. */
export interface GoneRows {
  /** Versions that ended at or below it. */
  readonly dropEndedUpTo: Timestamp;
  /** Versions that began at or below it (TTL, truncation). */
  readonly dropBegunUpTo: Timestamp;
  /** Versions that had expired by the time in this field at `dropEndedUpTo`. */
  readonly expiryField: FieldId | undefined;
}

export interface CompactionJob extends GoneRows {
  readonly planId: bigint;
  readonly inputs: readonly SegmentId[];
  readonly outputId: SegmentId;
  readonly collectionId: CollectionId;
  readonly partitionId: PartitionId;
  readonly vchannel: VChannel;
}

export interface CompactorDeps {
  readonly engine: Engine;
  readonly files: SegmentFiles;
  readonly faults: Faults;
  readonly seed: number;
}

/**
 * Rewrites sealed segments of the owner's shard into one. The output holds the ends known when the inputs were read; whoever
 * goes over to it carries later ones over. Nothing changes before DataCoord commits the answer.
 */
export async function compact(
  deps: CompactorDeps,
  state: ShardState,
  job: CompactionJob,
): Promise<FlushOutput> {
  await verifyInputs(deps.files, state, job.inputs);
  const sealed = new Map<SegmentId, SealedEntry>([...state.sealed()].map((entry) => [entry.id, entry]));
  const inputs = job.inputs.map((id) => {
    const entry = sealed.get(id);
    // A drop or truncation took it away here, and DataCoord has yet to hear of it.
    if (entry === undefined) throw segmentNotFound(id);
    return entry;
  });
  for (const { ref } of inputs) ref.retain();
  const { schema, appliedTimestamp: at, appliedPosition } = state;
  const rowsMax = inputs.reduce((sum, { ref }) => sum + ref.segment.rows, 0);
  const output = deps.engine.createGrowing({ fields: schema.fields, rowsMax, seed: deps.seed });
  try {
    let dropped = false;
    // One step without a pause: all inputs are read as of the same record.
    for (const { ref } of inputs) {
      const rows = keptRows(ref.segment, job);
      dropped ||= rows.length < ref.segment.rows;
      output.appendFrom(ref.segment, rows);
    }
    const inherited = inputs.reduce(
      (max, { meta }) => (meta.historyFrom > max ? meta.historyFrom : max),
      TIMESTAMP_ZERO,
    );
    const common = {
      id: job.outputId,
      startPosition: inputs.reduce(
        (min, { meta }) =>
          meta.startPosition !== undefined && meta.startPosition < min ? meta.startPosition : min,
        appliedPosition,
      ),
      flushedPosition: inputs.reduce(
        (max, { meta }) => (meta.flushedPosition > max ? meta.flushedPosition : max),
        0n,
      ),
      deletesAppliedTo: at,
      historyFrom: dropped && job.dropEndedUpTo > inherited ? job.dropEndedUpTo : inherited,
      schemaVersion: schema.version,
    };
    if (output.rows === 0) {
      return { ...common, rows: 0, bytes: 0, minTimestamp: at, maxTimestamp: at, manifest: undefined };
    }
    const ends = output.ends();
    await deps.faults.point("compaction.before-files");
    const written = await deps.files.write(output, schema, ends, {
      segmentId: job.outputId,
      collectionId: job.collectionId,
      partitionId: job.partitionId,
      vchannel: job.vchannel,
      task: `${job.planId}-${state.epoch}`,
    });
    await deps.faults.point("compaction.after-files");
    return {
      ...common,
      rows: output.rows,
      bytes: written.totalBytes,
      minTimestamp: inputs.reduce(
        (min, { meta }) => (meta.minTimestamp < min ? meta.minTimestamp : min),
        TIMESTAMP_MAX,
      ),
      maxTimestamp: output.maxTimestamp,
      manifest: { key: written.key, crc32c: written.crc32c, bytes: written.bytes },
    };
  } finally {
    output.close();
    for (const { ref } of inputs) ref.release();
  }
}

/** What has decayed on the disk must not get a checksum that says it is whole. */
async function verifyInputs(
  files: SegmentFiles,
  state: ShardState,
  inputs: readonly SegmentId[],
): Promise<void> {
  for (const id of inputs) {
    const entry = state.findSealed(id);
    if (entry === undefined) throw segmentNotFound(id);
    await files.verifyGroups(await files.readManifest(manifestOf(entry.meta)));
  }
}

/** Row versions that some read may still see. */
function keptRows(segment: Segment, job: CompactionJob): Int32Array {
  const gone = goneRows(segment, job);
  const all = allRows(segment);
  return gone.size === 0 ? all : all.filter((row) => !gone.has(row));
}

export function goneRows(segment: Segment, what: GoneRows): ReadonlySet<number> {
  const gone = new Set<number>();
  const ends = segment.ends();
  for (let i = 0; i < ends.rows.length; i++) {
    if ((ends.timestamps[i] ?? 0n) <= what.dropEndedUpTo) gone.add(ends.rows[i] ?? 0);
  }
  if (what.dropBegunUpTo > TIMESTAMP_ZERO) {
    const begins = segment.takeTimestamps(allRows(segment));
    for (const [row, begin] of begins.entries()) if (begin <= what.dropBegunUpTo) gone.add(row);
  }
  if (what.expiryField !== undefined) {
    const { values, validity } = timesOf(segment, what.expiryField);
    const nowMicros = physicalMs(what.dropEndedUpTo) * 1000n;
    for (const [row, until] of values.entries())
      if (until <= nowMicros && isValid(validity, row)) gone.add(row);
  }
  return gone;
}

function allRows(segment: Segment): Int32Array {
  return Int32Array.from({ length: segment.rows }, (_, row) => row);
}

function timesOf(
  segment: Segment,
  field: FieldId,
): { readonly values: BigInt64Array; readonly validity: Uint8Array | undefined } {
  const column = segment.column(field, segment.rows);
  assert(
    column.kind === "fixed" && column.values instanceof BigInt64Array,
    "rows expire by a Timestamptz field",
  );
  return { values: column.values, validity: column.validity };
}
