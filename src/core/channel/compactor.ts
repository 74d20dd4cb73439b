import type { CollectionId, PartitionId, SegmentId, VChannel } from "../../model/ids.ts";
import { TIMESTAMP_MAX, TIMESTAMP_ZERO } from "../../model/timestamp.ts";
import type { Engine } from "../../ports/engine.ts";
import type { Faults } from "../../ports/faults.ts";
import { segmentNotFound } from "../../errors/meta-errors.ts";
import { manifestOf } from "../shard/open-shard.ts";
import type { SegmentFiles } from "../shard/segment-files.ts";
import type { ShardState } from "../shard/shard-state.ts";
import type { SealedEntry } from "../shard/shard-view.ts";
import type { FlushOutput } from "./flusher.ts";
import { keptRows, type GoneRows } from "./gone-rows.ts";

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
      const rows = keptRows(ref.segment, schema, job);
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
